// One of several processes: what the tests let it do with the others is its argument.
#include <gradus/core/parameters.hpp>
#include <gradus/distributed.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

/// With a weight that is used twice, one that is not always used, one that never is, and one whose
/// memory is not in order.
struct NetImpl : torch::nn::Cloneable<NetImpl> {
  NetImpl() { reset(); }
  void reset() override {
    first = register_module("first", torch::nn::Linear(4, 4));
    second = register_module("second", torch::nn::Linear(4, 4));
    extra = register_module("extra", torch::nn::Linear(4, 4));
    never = register_parameter("never", at::ones({5}));
    turned = register_parameter("turned", at::ones({3, 4}).t());
    const at::NoGradGuard no_grad;
    for (auto& parameter : parameters()) parameter.copy_(at::randint(-2, 3, parameter.sizes()));
  }
  at::Tensor loss(const at::Tensor& x, bool uses_extra) {
    auto y = first(second(first(x)));
    if (uses_extra) y = extra(y);
    return y.matmul(turned).sum();
  }
  torch::nn::Linear first{nullptr}, second{nullptr}, extra{nullptr};
  at::Tensor never, turned;
};
TORCH_MODULE(Net);

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
  // Of numbers that rounding makes differ by order, on all ranks and again.
  std::string all_bits;
  for (int again = 0; again < 2; ++again) {
    torch::manual_seed(static_cast<std::uint64_t>(ranks.rank()));
    const auto sums_of = at::randn({10'001}, at::kFloat);
    ranks.sum(sums_of);
    const auto* begin = static_cast<const char*>(sums_of.const_data_ptr());
    for (const auto& bits : ranks.exchange(std::string(begin, sums_of.nbytes()))) all_bits += bits;
  }
  const auto one = all_bits.size() / static_cast<std::size_t>(2 * ranks.size());
  const bool same = all_bits.substr(one) == all_bits.substr(0, all_bits.size() - one);
  std::cout << (same ? ", same bits" : ", other bits") << std::endl;
}

/// Gradients over several processes against those of this one alone, over the same samples.
void gradients(gradus::Communicator& ranks) {
  double furthest = 0;
  std::int64_t wrong = 0;
  for (const auto sent_as : {std::optional<at::ScalarType>(), std::optional(at::kBFloat16)}) {
    const auto type = sent_as ? at::kFloat : at::kDouble;
    for (const std::int64_t bytes : {1, 300, 1 << 20}) {
      torch::manual_seed(1);
      Net net;
      torch::manual_seed(1);
      Net reference;
      net->to(type);
      reference->to(type);
      const auto parameters = gradus::unique_parameters(*net);
      gradus::GradientBuckets buckets(parameters, ranks, bytes, sent_as);
      for (int window = 0; window < 3; ++window) {
        // Whole numbers: sums of them are exact in whatever order.
        const bool frozen = window == 1;
        net->first->weight.requires_grad_(!frozen);
        reference->first->weight.requires_grad_(!frozen);
        const auto x = at::randint(-3, 4, {2 * ranks.size(), 4}, type);
        buckets.begin_window();
        for (int micro = 0; micro < 2; ++micro) {
          const bool uses_extra = micro == 1 && ranks.rank() == 0 && window == 2;
          if (micro == 1) buckets.begin_last_pass(0.5);
          net->loss(x.narrow(0, micro * ranks.size() + ranks.rank(), 1), uses_extra).backward();
        }
        buckets.finish();
        reference->loss(x, false).mul(0.5).backward();
        if (window == 2) reference->loss(x.narrow(0, ranks.size(), 1), true).mul(0.5).backward();
        if (window == 2) reference->loss(x.narrow(0, ranks.size(), 1), false).mul(-0.5).backward();
        const auto expected = gradus::unique_parameters(*reference);
        for (std::size_t i = 0; i < parameters.size(); ++i) {
          auto &found = parameters[i].tensor.mutable_grad(),
               &wanted = expected[i].tensor.mutable_grad();
          wrong += found.defined() != wanted.defined();
          if (found.defined() && wanted.defined()) {
            const auto apart = found.sub(wanted).abs().max().item<double>();
            if (!sent_as) furthest = std::max(furthest, apart);
            wrong += apart > wanted.abs().max().item<double>() / 64;
            wrong += found.strides() != parameters[i].tensor.strides();
          }
          found.reset();
          wanted.reset();
        }
      }
    }
  }
  std::cout << furthest << ' ' << wrong << std::endl;
}

/// Between a forward pass that uses a buffer and its backward pass.
void buffers(gradus::Communicator& ranks) {
  const auto rank = static_cast<double>(ranks.rank());
  const auto mask = at::full({3}, rank + 1), wide = at::full({1}, rank + 5).expand({4}),
             turned = at::full({2, 3}, rank + 7, at::kShort).t();
  const auto weight = at::ones({3}).requires_grad_();
  const auto loss = weight.mul(mask).sum();
  gradus::share_together(ranks, {mask, wide, turned});
  loss.backward();
  for (const auto& shared : {mask, wide, turned, weight.grad()}) {
    std::cout << shared.min().item<double>() << ' ' << shared.max().item<double>() << ' ';
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

/// Of how many threads SIGPIPE is blocked and of how many it is not, as /proc says.
void threads() {
  int blocked = 0, open = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("SigBlk:")) continue;
      const auto signals = std::stoull(line.substr(line.find('\t') + 1), nullptr, 16);
      ++(signals >> (SIGPIPE - 1) & 1 ? blocked : open);
    }
  }
  std::cout << (blocked >= 3 ? "blocked" : "not blocked") << " in those of c10d, open in " << open
            << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string task = argv[1];
  const auto seconds = argc > 2 ? std::stoi(argv[2]) : 60;
  std::unique_ptr<gradus::Communicator> ranks;
  try {
    ranks = gradus::join_ranks(std::chrono::seconds(seconds));
    const bool is_last = ranks->rank() == ranks->size() - 1;
    if (task == "again") {
      ranks.reset();
      ranks = gradus::join_ranks(std::chrono::seconds(seconds));
    }
    if (task == "together" || task == "again") together(*ranks);
    if (task == "gradients") gradients(*ranks);
    if (task == "buffers") buffers(*ranks);
    if (task == "threads") {
      ranks->sum(at::full({1}, 1.0));
      threads();
      ranks->sum(at::full({1}, 1.0));  // so that none has gone yet
    }
    if (task == "for_ever") for_ever(*ranks);
    if (task == "last_leaves" && is_last) throw gradus::DataError("'train.bin' is cut off.");
    if (task == "first_leaves" && ranks->rank() == 0) throw gradus::DataError("it is damaged.");
    if (task == "first_ends" && ranks->rank() > 0) for_ever(*ranks);
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
