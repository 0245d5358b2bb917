// Gradients in buckets, within one process: what is sent, when, and where it lies.
#include "../catch.hpp"
#include <gradus/core/parameters.hpp>
#include <gradus/distributed/gradient_buckets.hpp>
#include <gradus/error.hpp>

#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/modules/embedding.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

using gradus::GradientBuckets;
using gradus::NamedTensor;

namespace {

/// As if there were two ranks with the same gradients.
class Doubles final : public gradus::Communicator {
 public:
  std::vector<at::Tensor> sent;

  [[nodiscard]] std::int64_t rank() const override { return 0; }
  [[nodiscard]] std::int64_t size() const override { return 2; }
  [[nodiscard]] std::unique_ptr<gradus::PendingSum> start_sum(const at::Tensor& tensor) override {
    struct Sum final : gradus::PendingSum {
      at::Tensor tensor;
      explicit Sum(at::Tensor of) : tensor(std::move(of)) {}
      void wait() override { tensor.mul_(2); }
    };
    sent.push_back(tensor);
    return std::make_unique<Sum>(tensor);
  }
  void broadcast(const at::Tensor&, std::int64_t) override {}
  void leave(const std::string&) noexcept override {}
};

NamedTensor parameter(const at::Tensor& values) { return {"", values.detach().requires_grad_()}; }

}  // namespace

CATCH_TEST_CASE("a bucket is sent while earlier layers have no gradient yet") {
  const std::vector parameters{parameter(at::ones({4})), parameter(at::ones({4})),
                               parameter(at::ones({4}))};
  Doubles ranks;
  GradientBuckets buckets(parameters, ranks, /*bytes=*/1);
  CATCH_CHECK(buckets.count() == 3);
  CATCH_CHECK(buckets.bytes() == 3 * 5 * 4);  // and for each parameter whether it was used
  std::vector<std::size_t> sent_before;
  auto first = parameters[0].tensor * 1;
  first.register_hook([&](const at::Tensor&) { sent_before.push_back(ranks.sent.size()); });
  auto second = first * parameters[1].tensor;
  second.register_hook([&](const at::Tensor&) { sent_before.push_back(ranks.sent.size()); });
  buckets.begin_window();
  buckets.begin_last_pass(1);
  (second * parameters[2].tensor).sum().backward();
  CATCH_CHECK((sent_before == std::vector<std::size_t>{1, 2}));
  CATCH_CHECK(ranks.sent.size() == 3);
  buckets.finish();
  for (const auto& one : parameters) CATCH_CHECK(one.tensor.grad().equal(at::ones({4}) * 2));
}

CATCH_TEST_CASE("gradients of a window add up, and lie in the form of their parameters") {
  torch::manual_seed(1);
  const std::vector parameters{
      parameter(at::randn({3, 4}).t()),
      parameter(at::randn({2, 3, 4, 4}).contiguous(at::MemoryFormat::ChannelsLast)),
      parameter(at::randn({8}).slice(0, 0, 8, 2)),
      parameter(at::randn({}, at::kDouble)),
      parameter(at::randn({2, 2}, at::kComplexFloat)),
      parameter(at::zeros({0, 3})),
      {"", at::ones({3}, at::kLong)}};
  for (const std::int64_t bytes : {1, 60, 1 << 20}) {
    Doubles ranks;
    GradientBuckets buckets(parameters, ranks, bytes);
    for (int window = 0; window < 2; ++window) {
      const auto loss = [&] {
        auto sum = at::zeros({}, at::kDouble);
        for (std::size_t i = 0; i < 6; ++i) {
          const auto& values = parameters[i].tensor;
          sum = sum + (values.is_complex() ? at::view_as_real(values) : values).square().sum();
        }
        return sum;
      };
      buckets.begin_window();
      loss().backward();
      buckets.begin_last_pass(0.5);
      loss().backward();
      buckets.finish();
      for (std::size_t i = 0; i < 6; ++i) {
        const auto& values = parameters[i].tensor;
        CATCH_INFO(i << " in buckets of " << bytes);
        // 2 passes of 2 * values each, halved, on two ranks.
        CATCH_CHECK(values.grad().allclose(values.detach() * 4));
        if (values.is_non_overlapping_and_dense()) {
          CATCH_CHECK(values.grad().strides() == values.strides());
        }
        values.mutable_grad().reset();
      }
      CATCH_CHECK(!parameters[6].tensor.grad().defined());
    }
  }
  Doubles ranks;
  GradientBuckets none({}, ranks, 1);
  none.begin_window();
  none.finish();
  CATCH_CHECK(none.count() == 0);
}

CATCH_TEST_CASE("what cannot be summed is refused") {
  const std::vector parameters{parameter(at::ones({4}))};
  Doubles ranks;
  GradientBuckets buckets(parameters, ranks, 1);
  buckets.begin_window();
  buckets.begin_last_pass(1);
  parameters[0].tensor.sum().backward();
  CATCH_CHECK_THROWS_AS(parameters[0].tensor.sum().backward(), std::logic_error);
  buckets.begin_window();  // after a window that was given up
  buckets.finish();
  CATCH_CHECK(!parameters[0].tensor.grad().defined());

  torch::nn::Embedding table(torch::nn::EmbeddingOptions(4, 2).sparse(true));
  GradientBuckets sparse(gradus::unique_parameters(*table), ranks, 1);
  sparse.begin_window();
  CATCH_CHECK_THROWS_AS(table->forward(at::ones({1}, at::kLong)).sum().backward(),
                        gradus::ConfigurationError);

  const std::vector moved{parameter(at::ones({4}))};
  GradientBuckets of_float(moved, ranks, 1);
  moved[0].tensor.set_data(at::ones({4}, at::kDouble));
  CATCH_CHECK_THROWS_AS(of_float.begin_window(), gradus::ConfigurationError);
}
