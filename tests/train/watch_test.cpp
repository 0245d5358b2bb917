// What ends a run, or keeps it from beginning: guards, the sanity evaluation, early stop, limits.
#include "catch.hpp"
#include "toys.hpp"
#include <gradus/core/sample_draw.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/policy/schedule/reduce_on_plateau.hpp>
#include <gradus/policy/schedule/warmup.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/train/trainer.hpp>

#include <limits>
#include <string>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

using Small = Preset<Plain{.batch_size = 4}>;

/// Points of which sample `bad` is not a number.
Points poisoned(std::int64_t size, std::int64_t bad) {
  Points points(size);
  points.inputs_.select(0, bad).fill_(std::numeric_limits<float>::quiet_NaN());
  return points;
}

/// Multiplies the gradient of one layer until it is infinite.
struct trouble {
  static constexpr std::string_view name = "trouble";
};
struct Explode {
  using slot = trouble;
  static constexpr std::string_view name = "Explode";
  using hooks = Hooks<hook::before_backward>;
  static constexpr auto fields() { return no_fields; }
  void before_backward(at::Tensor& loss, const StepContext& context) const {
    if (context.step < 2) return;
    for (const auto& [label, parameter] : context.parameters) {
      if (label == "head.weight") loss = loss + parameter.sum() * 1e38 * 1e38;
    }
  }
};

struct IdleImpl : torch::nn::Module {
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
  torch::nn::Linear idle = register_module("idle", torch::nn::Linear(6, 3));
  at::Tensor forward(const at::Tensor& x) { return head(x); }
};
TORCH_MODULE(Idle);

struct NormedImpl : torch::nn::Module {
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(6));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
  at::Tensor forward(const at::Tensor& x) { return head(norm(x)); }
};
TORCH_MODULE(Normed);

struct FlatImpl : torch::nn::Module {
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
  at::Tensor forward(const at::Tensor& x) { return head(x).flatten(); }
};
TORCH_MODULE(Flat);

}  // namespace

CATCH_TEST_CASE("a parameter without a gradient is named after the first window, or let be") {
  CATCH_CHECK_THROWS_WITH(
      (Trainer<Idle, Small>(Idle(), {.device = c10::kCPU}).fit(Points(8))),
      ContainsSubstring("parameter 'idle.weight' has no gradient after the first window"));

  Idle frozen;
  frozen->idle->weight.requires_grad_(false);
  frozen->idle->bias.requires_grad_(false);
  CATCH_CHECK_NOTHROW(Trainer<Idle, Small>(frozen, {.device = c10::kCPU}).fit(Points(8)));

  using Lenient =
      Trainer<Idle, Small, Preset<Guard{.on_missing_gradient = OnMissingGradient::ignore}>>;
  CATCH_CHECK_NOTHROW(Lenient(Idle(), {.device = c10::kCPU}).fit(Points(8)));
}

CATCH_TEST_CASE("at a reading the first pass that was not finite is named") {
  using T = Trainer<Perceptron, Small, Preset<Accumulate{.steps = 2}>>;
  const auto order = epoch_order(16, 0, 0);
  // The third batch is the first of the second window.
  T trainer(perceptron(), {.epochs = 1, .device = c10::kCPU});
  CATCH_CHECK_THROWS_WITH(
      trainer.fit(poisoned(16, order[9])),
      ContainsSubstring(
          "the training loss is not finite at optimizer step 2 (epoch 1, batch 3, micro-batch 1)"));
}

CATCH_TEST_CASE("watched at each step, the layer is named, and a bad step can be skipped") {
  using Stops = Trainer<Perceptron, Small, Explode, Preset<Guard{.each_step = true}>>;
  CATCH_CHECK_THROWS_WITH(
      Stops(perceptron(), {.epochs = 1, .device = c10::kCPU}).fit(Points(16)),
      ContainsSubstring("the gradient of 'head.weight' is not finite at optimizer step 3"));

  using Skips = Trainer<Perceptron, Small,
                        Preset<Guard{.on_not_finite = OnNotFinite::skip, .each_step = true}>>;
  const auto order = epoch_order(16, 0, 0);
  Skips trainer(perceptron(), {.epochs = 1, .device = c10::kCPU});
  const auto history = trainer.fit(poisoned(16, order[5]));
  CATCH_CHECK(history.epochs[0].skipped_steps == 1);
  CATCH_CHECK(history.epochs[0].optimizer_steps == 3);
  CATCH_CHECK(history.epochs[0].samples == 12);
  CATCH_CHECK(weights_of(*trainer.model()).isfinite().all().item<bool>());
}

CATCH_TEST_CASE("skipping without looking at each step is refused") {
  using T = Trainer<Perceptron>;
  T::policies_type policies;
  policies.at<slot::guard>().on_not_finite = OnNotFinite::skip;
  CATCH_CHECK_THROWS_AS(T(perceptron(), {}, policies), ConfigurationError);
}

CATCH_TEMPLATE_TEST_CASE("steps skipped without end become an error", "", SGD, trouble) {
  // Every gradient overflows. SGD is skipped on the device; with a hook the host must know.
  using Host = Trainer<Perceptron, Small, Preset<Mixed{.type = MixedType::float16}>, Explode,
                       Preset<Guard{.max_skipped = 3}>>;
  using Device = Trainer<Perceptron, Small, Preset<Mixed{.type = MixedType::float16}>,
                         Preset<Guard{.max_skipped = 3}>>;
  using T = std::conditional_t<std::is_same_v<TestType, SGD>, Device, Host>;
  auto net = perceptron();
  {
    const at::NoGradGuard no_grad;
    net->head->weight.mul_(1e5);  // beyond float16
  }
  T trainer(net, {.epochs = 3, .device = c10::kCPU, .log_every_steps = 1});
  CATCH_CHECK_THROWS_WITH(trainer.fit(Points(16)),
                          ContainsSubstring("optimizer steps were all skipped"));
}

CATCH_TEST_CASE("a loss that grows far above its best is an error, where it is asked for") {
  using T = Trainer<Perceptron, Small, Preset<SGD{.lr = 50}>, Preset<Guard{.divergence = 3}>>;
  CATCH_CHECK_THROWS_WITH(
      T(perceptron(), {.epochs = 50, .device = c10::kCPU, .log_every_steps = 1}).fit(Points(16)),
      ContainsSubstring("the training loss has grown to"));
}

CATCH_TEST_CASE("or a warning, once while it lasts") {
  using T = Trainer<Perceptron, Small, Preset<SGD{.lr = 50}>,
                    Preset<Guard{.divergence = 3, .on_divergence = OnDivergence::warn}>>;
  struct Warnings {
    std::vector<std::string> all;
    void on(const StepEnd& event) {
      if (!event.warning.empty()) all.push_back(event.warning);
    }
  } seen;
  T(perceptron(), {.epochs = 2, .device = c10::kCPU, .log_every_steps = 1}).fit(Points(16), seen);
  CATCH_REQUIRE(seen.all.size() == 1);
  CATCH_CHECK_THAT(seen.all[0], ContainsSubstring("the training loss has grown to"));
}

CATCH_TEST_CASE("a skipped step leaves nothing in the statistics of a batch norm") {
  using Skips =
      Trainer<Normed, Small, Preset<Guard{.on_not_finite = OnNotFinite::skip, .each_step = true}>>;
  const auto order = epoch_order(16, 0, 0);
  Skips trainer(Normed(), {.epochs = 1, .device = c10::kCPU});
  CATCH_CHECK(trainer.fit(poisoned(16, order[5])).epochs[0].skipped_steps == 1);
  CATCH_CHECK(trainer.model()->norm->running_mean.isfinite().all().item<bool>());
  CATCH_CHECK(trainer.model()->norm->running_var.isfinite().all().item<bool>());
  CATCH_CHECK(trainer.model()->norm->num_batches_tracked.item<std::int64_t>() == 3);
}

CATCH_TEST_CASE("a warm-up longer than the run is refused before the run begins") {
  using T = Trainer<Perceptron, Small, Preset<Warmup<Cosine>{.steps = 4}>>;
  T four(perceptron(), {.epochs = 1, .device = c10::kCPU});
  CATCH_CHECK_THROWS_WITH(four.fit(Points(16)),
                          "schedule: the rate would rise for 4 optimizer steps, but the run has "
                          "only 4; lower its steps, or train for longer.");
  T eight(perceptron(), {.epochs = 2, .device = c10::kCPU});
  CATCH_CHECK_NOTHROW(eight.fit(Points(16)));
}

CATCH_TEST_CASE("a broken model is found by the sanity evaluation, before any step") {
  auto net = Flat();
  const auto before = weights_of(*net);
  Trainer<Flat, Small> trainer(net, {.device = c10::kCPU});
  CATCH_CHECK_THROWS_WITH(trainer.fit(Points(8), Points(8)),
                          ContainsSubstring("the model gives no output for each of 8 samples"));
  CATCH_CHECK(weights_of(*net).equal(before));
  CATCH_CHECK_THROWS_AS((Trainer<Perceptron, Small>(perceptron(), {.device = c10::kCPU})
                             .fit(Points(8), poisoned(8, 3))),
                        NumericError);
}

CATCH_TEST_CASE("overfitting a batch sees the same samples in every epoch, and learns them") {
  struct Remembers : Points {
    using Points::Points;
    [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
      seen.emplace_back(indices.begin(), indices.end());
      return Points::batch(indices);
    }
    mutable std::vector<std::vector<std::int64_t>> seen;
  };
  const Remembers points(64);
  Trainer<Perceptron, Small, Preset<SGD{.lr = 0.5}>> trainer(
      perceptron(), {.epochs = 60, .device = c10::kCPU, .overfit_batches = 1});
  const auto history = trainer.fit(points);
  CATCH_CHECK(points.seen.size() == 60);
  CATCH_CHECK(points.seen.front() == points.seen.back());
  CATCH_CHECK(*history.epochs.back().train_loss < 0.1 * *history.epochs.front().train_loss);
}

CATCH_TEST_CASE("evaluation can be limited") {
  Trainer<Perceptron, Small> trainer(
      perceptron(),
      {.epochs = 1, .device = c10::kCPU, .evaluation_batch_size = 5, .limit_test_batches = 2});
  CATCH_CHECK(trainer.fit(Points(16), Points(16)).epochs[0].test->samples == 10);
}

CATCH_TEST_CASE("a run that gets no better ends early, and one that does continues") {
  using T = Trainer<Perceptron, Small, Preset<SGD{.lr = 1e-30}>, Preset<EarlyStop{.patience = 3}>>;
  T still(perceptron(), {.epochs = 50, .device = c10::kCPU});
  CATCH_CHECK(still.fit(Points(16), Points(16)).epochs.size() == 4);  // the first one is the best
  using Learns = Trainer<Perceptron, Small, Preset<SGD{.lr = 0.05}>, EarlyStop>;
  Learns learns(perceptron(), {.epochs = 8, .device = c10::kCPU});
  CATCH_CHECK(learns.fit(Points(16), Points(16)).epochs.size() == 8);
}

CATCH_TEST_CASE("the rate falls on a plateau") {
  using T = Trainer<Perceptron, Small, Preset<SGD{.lr = 1e-6}>,
                    Preset<ReduceOnPlateau{.factor = 0.5, .patience = 1, .threshold = 0.5}>>;
  struct Rates {
    std::vector<double> rates;
    void on(const StepEnd& event) { rates.push_back(event.learning_rate); }
  } seen;
  T(perceptron(), {.epochs = 6, .device = c10::kCPU}).fit(Points(4), seen);
  CATCH_CHECK(seen.rates == std::vector<double>{1e-6, 1e-6, 1e-6, 5e-7, 5e-7, 2.5e-7});
}
