/// How long does a sum over processes take, by size? Each is started with the variables of
/// torchrun; the first one prints a JSON object a size. See network.py.
#include <gradus/distributed.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <ATen/ops/ones.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <vector>

int main() {
  const auto ranks = gradus::join_ranks(std::chrono::seconds(120));
  constexpr std::int64_t smallest = 64, largest = std::int64_t{64} << 20;
  for (std::int64_t bytes = smallest; bytes <= largest; bytes *= 8) {
    const auto tensor = at::ones({bytes / 4}, at::kFloat);
    std::vector<double> seconds;
    constexpr int most_rounds = 15;
    constexpr double enough = 4;
    for (double all = 0; seconds.size() < most_rounds && (seconds.size() < 3 || all < enough);) {
      tensor.fill_(1);
      ranks->sum(at::ones({1}));  // begins together
      const auto begin = std::chrono::steady_clock::now();
      ranks->sum(tensor);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      // One clock decides when it is enough.
      const auto told = at::ones({1}, at::kDouble).fill_(took.count());
      ranks->broadcast(told, 0);
      seconds.push_back(took.count());
      all += told.item<double>();
    }
    std::ranges::sort(seconds);
    if (ranks->rank() > 0) continue;
    std::cout << gradus::dump(nlohmann::ordered_json{{"bytes", bytes},
                                                     {"seconds", seconds[seconds.size() / 2]},
                                                     {"least", seconds.front()},
                                                     {"most", seconds.back()}})
              << std::endl;
  }
}
