// A program of several processes, alone.
#include <gradus/distributed.hpp>

#include <ATen/ops/ones.h>

#include <chrono>

int main() {
  const auto ranks = gradus::join_ranks(std::chrono::seconds(10));
  const auto one = at::ones({1});
  ranks->sum(one);
  return ranks->size() == 1 && one.item<float>() == 1 ? 0 : 1;
}
