// One of several processes: what the tests let it do with the others is its argument.
#include <gradus/distributed.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

void together(gradus::Communicator& ranks) {
  const auto rank = static_cast<double>(ranks.rank());
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf, at::kLong}) {
    const auto numbers = at::full({3}, rank + 1, type);
    ranks.sum(numbers);
    std::cout << numbers[0].item<double>() << ' ';
  }
  // Several at once, which end in any order.
  std::vector<at::Tensor> tensors;
  std::vector<std::unique_ptr<gradus::PendingSum>> sums;
  for (int i = 0; i < 5; ++i) {
    tensors.push_back(at::full({1000 * (5 - i)}, rank * i, at::kDouble));
    sums.push_back(ranks.start_sum(tensors.back()));
  }
  for (const auto& sum : sums) sum->wait();
  for (const auto& tensor : tensors) std::cout << tensor[0].item<double>() << ' ';
  const auto numbers = at::arange(4, at::kDouble).mul(rank + 1);
  ranks.broadcast(numbers, ranks.size() - 1);
  std::cout << numbers[3].item<double>();
  for (const auto& text : ranks.exchange("from " + std::to_string(ranks.rank()))) {
    std::cout << ", " << text;
  }
  std::cout << std::endl;
}

/// Sums until something happens to one of the ranks.
void for_ever(gradus::Communicator& ranks) {
  const auto numbers = at::full({1000}, 1.0);
  for (int i = 0;; ++i) {
    ranks.sum(numbers);
    numbers.fill_(1);
    if (i == 0) std::cout << "begun" << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string task = argv[1];
  const auto seconds = argc > 2 ? std::stoi(argv[2]) : 60;
  std::unique_ptr<gradus::Communicator> ranks;
  try {
    ranks = gradus::join_ranks(std::chrono::seconds(seconds));
    const bool is_last = ranks->rank() == ranks->size() - 1;
    if (task == "together") together(*ranks);
    if (task == "for_ever") for_ever(*ranks);
    if (task == "last_leaves" && is_last) throw gradus::DataError("'train.bin' is cut off.");
    if (task == "first_leaves" && ranks->rank() == 0) throw gradus::DataError("it is damaged.");
    if (task == "last_leaves" || task == "first_leaves") for_ever(*ranks);
    if (task == "last_is_slow") {
      if (is_last) std::this_thread::sleep_for(std::chrono::seconds(seconds + 5));
      ranks->sum(at::full({1}, 1.0));
    }
  } catch (const gradus::Error& error) {
    std::cerr << error.what() << std::endl;
    if (ranks && dynamic_cast<const gradus::DistributedError*>(&error) == nullptr) {
      ranks->leave(error.what());
    }
    ranks.reset();
    return static_cast<int>(error.code());
  }
}
