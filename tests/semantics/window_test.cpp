// Lines 1 to 3, 5, 6 and 9 of docs/semantics.md: what happens at the boundary of a window.
#include "../catch.hpp"
#include "../train/toys.hpp"
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/clipping/clip_norm.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/schedule/exponential.hpp>
#include <gradus/train/trainer.hpp>

#include <cmath>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace gradus;

namespace {

std::string said;

/// A scaler that says what is done to it.
struct SpyScaler {
  bool bad = false;
  at::Tensor scale(const at::Tensor& loss) const {
    said += "scale ";
    return loss * 4;
  }
  void unscale(const std::vector<at::Tensor>& gradients) {
    said += "unscale ";
    for (const auto& gradient : gradients) gradient.div_(4);
  }
  bool found_inf() const { return bad; }
  at::Tensor found_inf_flag() const { return at::zeros({1}); }
  void update() { said += "update "; }
};

template <bool Bad>
struct SpyPrecision {
  using slot = slot::precision;
  static constexpr std::string_view name = "SpyPrecision";
  static constexpr auto fields() { return no_fields; }
  struct State {
    SpyScaler scaler;
  };
  struct Scope {
    ~Scope() { said += "forward "; }
  };
  PrecisionChoice choose(c10::Device) const { return {c10::kHalf, true, "a spy"}; }
  State start(c10::Device) const { return {{Bad}}; }
  Scope forward_scope(const State&) const { return {}; }
  SpyScaler* scaler(State& state) const { return &state.scaler; }
  void save(const State&, StateDict&) const {}
  void load(State&, const StateDict&) const {}
};

struct SpyClipping {
  using slot = slot::clipping;
  static constexpr std::string_view name = "SpyClipping";
  static constexpr bool clips = true;
  static constexpr auto fields() { return no_fields; }
  void clip(const std::vector<at::Tensor>&) const { said += "clip "; }
};

struct SpyOptimizer {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "SpyOptimizer";
  double lr = 0.1;
  static constexpr auto fields() {
    return fields_of(field("lr", &SpyOptimizer::lr, positive(), "learning rate"));
  }
  struct State {
    std::vector<NamedTensor> parameters;
  };
  State start(const std::vector<NamedTensor>& parameters) const { return {parameters}; }
  void step(State& state, const Rates&) const {
    said += state.parameters[0].tensor.grad().defined() ? "step " : "step-without-gradient ";
  }
  constexpr bool has_momentum() const { return false; }
  void save(const State&, StateDict&) const {}
  void load(State&, const StateDict&) const {}
};

struct watch {
  static constexpr std::string_view name = "watch";
};
/// The first forward pass of a window must find no gradient.
struct SpyHooks {
  using slot = watch;
  static constexpr std::string_view name = "SpyHooks";
  using hooks = Hooks<hook::before_forward, hook::after_step>;
  static constexpr auto fields() { return no_fields; }
  void before_forward(Batch&, const StepContext& context) const {
    const bool gradient = context.parameters[0].tensor.grad().defined();
    said += gradient == (context.micro_batch > 0) ? "" : "stale-gradient ";
  }
  void after_step(const StepContext&) const { said += "after "; }
};

struct SaysStepEnd {
  void on(const StepEnd&) { said += "event "; }
};

template <bool Bad>
std::string one_window() {
  using T = Trainer<Perceptron, Preset<Accumulate{.steps = 2}>, Preset<Plain{.batch_size = 4}>,
                    SpyPrecision<Bad>, SpyClipping, SpyOptimizer, SpyHooks>;
  said.clear();
  T trainer(perceptron(), {.epochs = 2, .device = c10::kCPU});
  SaysStepEnd observer;
  trainer.fit(Points(8), observer);
  return said;
}

/// Points of which sample `bad` is infinite.
struct Poisoned : Points {
  Poisoned(std::int64_t size, std::int64_t bad) : Points(size) {
    inputs_.select(0, bad).fill_(std::numeric_limits<float>::infinity());
  }
  /// In their own order, whatever the sampler says.
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    const auto count = static_cast<std::int64_t>(indices.size());
    const auto first = next;
    next = (next + count) % size();
    return {inputs_.narrow(0, first, count), targets_.narrow(0, first, count)};
  }
  mutable std::int64_t next = 0;
};

struct Losses {
  std::vector<double> losses;
  std::vector<double> rates;
  std::vector<std::int64_t> steps;
  void on(const StepEnd& event) {
    losses.push_back(event.train_loss.value_or(std::nan("")));
    rates.push_back(event.learning_rate);
    steps.push_back(event.step);
  }
};

using Float16 = Preset<Mixed{.type = MixedType::float16}>;

}  // namespace

CATCH_TEST_CASE("[line 1] a window: its passes, unscale once, clip, step, update, clear") {
  CATCH_CHECK(one_window<false>() ==
              "forward scale forward scale unscale clip step after update event "
              "forward scale forward scale unscale clip step after update event ");
}

CATCH_TEST_CASE("[line 1] a window that is skipped is not clipped, but updated and cleared") {
  CATCH_CHECK(one_window<true>() ==
              "forward scale forward scale unscale update event "
              "forward scale forward scale unscale update event ");
}

CATCH_TEST_CASE("[line 1] clipping before unscaling gives another result") {
  const auto clipped = [](bool before) {
    GradScaler scaler({.initial_scale = 1024}, c10::kCPU);
    const std::vector<at::Tensor> gradients{torch::tensor({3.0F, 4.0F}) * 1024};
    const ClipNorm clip{.max_norm = 1};
    if (before) clip.clip(gradients);
    scaler.unscale(gradients);
    if (!before) clip.clip(gradients);
    return gradients[0].clone();
  };
  CATCH_CHECK(torch::allclose(clipped(false), torch::tensor({0.6F, 0.8F})));
  CATCH_CHECK_FALSE(torch::allclose(clipped(true), clipped(false), 1e-2));
}

CATCH_TEST_CASE("[line 2] with two groups the scale leaves no trace, for each is unscaled once") {
  const auto trained = [](double scale) {
    using T = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, Float16,
                      Preset<AdamW{.lr = 0.01, .weight_decay = 0.1, .decay = Decay::weights}>>;
    T::policies_type policies;
    policies.at<slot::precision>().initial_scale = scale;
    T trainer(perceptron(), {.epochs = 3, .device = c10::kCPU}, policies);
    trainer.fit(Points(16));
    return weights_of(*trainer.model());
  };
  // Powers of two, and no gradient of this net is so small or large that float16 would round it.
  CATCH_CHECK(trained(1024).equal(trained(4096)));
}

CATCH_TEMPLATE_TEST_CASE("[line 3] one infinity skips the window, on the device and by the host",
                         "", NoAveraging, EMA) {  // averaging must know, so the host decides
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, Preset<Accumulate{.steps = 3}>,
                    Float16, AdamW, TestType>;
  T trainer(perceptron(), {.epochs = 1, .device = c10::kCPU});
  const auto before = weights_of(*trainer.model());
  const auto history = trainer.fit(Poisoned(12, 5));  // in the second of three micro-batches
  CATCH_CHECK(weights_of(*trainer.model()).equal(before));
  const auto& state = trainer.template state<slot::optimizer>();
  for (std::size_t i = 0; i < state.steps.size(); ++i) {
    CATCH_CHECK(state.steps[i].template item<float>() == 0);
    CATCH_CHECK(state.moments.moments[0][i].count_nonzero().template item<std::int64_t>() == 0);
    CATCH_CHECK(state.moments.moments[1][i].count_nonzero().template item<std::int64_t>() == 0);
  }
  CATCH_CHECK(
      trainer.template state<slot::precision>().scaler->current_scale().template item<float>() ==
      32768);
  CATCH_CHECK(history.epochs[0].optimizer_steps == 0);
  CATCH_CHECK(history.epochs[0].skipped_steps == 1);
}

namespace {

struct SeesScale {
  using slot = watch;
  static constexpr std::string_view name = "SeesScale";
  using hooks = Hooks<hook::before_forward>;
  static constexpr auto fields() { return no_fields; }
  void before_forward(Batch&, const StepContext& context) const {
    windows().resize(static_cast<std::size_t>(context.step + 1));
    windows().back().insert(current()->item<float>());
  }
  static std::vector<std::set<float>>& windows() {
    static std::vector<std::set<float>> seen;
    return seen;
  }
  static const at::Tensor*& current() {
    static const at::Tensor* scale = nullptr;
    return scale;
  }
};

}  // namespace

CATCH_TEST_CASE("[line 3] the scale is constant within a window") {
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, Preset<Accumulate{.steps = 3}>,
                    Preset<Mixed{.type = MixedType::float16, .growth_interval = 1}>, SeesScale>;
  T trainer(perceptron(), {.epochs = 3, .device = c10::kCPU});
  SeesScale::current() = &trainer.state<slot::precision>().scaler->current_scale();
  trainer.fit(Points(12));
  CATCH_CHECK(SeesScale::windows() == std::vector<std::set<float>>{{65536}, {131072}, {262144}});
}

namespace {

/// Points in their own order, of which the first `unlabelled` do not count.
struct Padded : Points {
  Padded(std::int64_t size, std::int64_t unlabelled) : Points(size) {
    targets_.narrow(0, 0, unlabelled).fill_(-100);
  }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    std::vector<std::int64_t> sorted(indices.begin(), indices.end());
    for (auto& index : sorted) index = std::exchange(next, (next + 1) % size());
    return Points::batch(sorted);
  }
  mutable std::int64_t next = 0;
};

}  // namespace

CATCH_TEST_CASE(
    "[line 3] a light batch before a heavy one overflows no gradient, and leaves no trace") {
  const auto trained = [](double scale) {
    using T = Trainer<Perceptron, Preset<Plain{.batch_size = 64}>, Preset<Accumulate{.steps = 3}>,
                      Float16, Preset<SGD{.lr = 0.1}>>;
    T::policies_type policies;
    policies.at<slot::precision>().initial_scale = scale;
    T trainer(perceptron(), {.epochs = 1, .device = c10::kCPU}, policies);
    const auto history = trainer.fit(Padded(192, 63));  // one, 64 and 64 targets count
    CATCH_CHECK(history.epochs[0].skipped_steps == 0);
    return weights_of(*trainer.model());
  };
  // Weighted as the first batch, the others would have 64 times the gradients.
  const auto weights = trained(65536);
  auto net = perceptron();
  const Padded all(192, 63);
  CrossEntropy{}.loss(net->forward(all.inputs_), all.targets_).backward();
  std::vector<at::Tensor> expected;
  for (const auto& parameter : net->parameters()) {
    expected.push_back((parameter.detach() - 0.1 * parameter.grad()).flatten());
  }
  CATCH_CHECK(torch::allclose(weights, torch::cat(expected), 0, 1e-3));  // float16
  CATCH_CHECK(torch::allclose(weights, trained(16), 0, 1e-5));
}

CATCH_TEST_CASE("[line 5] accumulated gradients are those of one big batch, in float64") {
  struct Doubles : Points {
    using Points::Points;
    [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
      auto batch = Points::batch(indices);
      batch.input = batch.input.to(torch::kDouble);
      return batch;
    }
  };
  const auto trained = [](std::int64_t batch, std::int64_t steps) {
    using T = Trainer<Perceptron, Plain, Accumulate, Preset<SGD{.lr = 0.5, .momentum = 0.9}>>;
    T::policies_type policies;
    policies.at<slot::loading>().batch_size = batch;
    policies.at<slot::accumulation>().steps = steps;
    auto net = perceptron();
    net->to(torch::kDouble);
    T trainer(net, {.epochs = 3, .device = c10::kCPU}, policies);
    trainer.fit(Doubles(50));
    return weights_of(*trainer.model());
  };
  // 50 samples: 4 x 8 is a window of 32 and one of 18, whose last batch holds 2.
  CATCH_CHECK(torch::allclose(trained(8, 4), trained(32, 1), 1e-12, 1e-14));
  CATCH_CHECK(torch::allclose(trained(8, 100), trained(50, 1), 1e-12, 1e-14));
  CATCH_CHECK_FALSE(torch::allclose(trained(8, 4), trained(8, 1), 1e-3, 1e-3));
}

CATCH_TEST_CASE("[line 6] the logged loss is undivided and weighted by samples") {
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 8}>, Preset<Accumulate{.steps = 3}>,
                    Preset<SGD{.lr = 1e-30}>>;  // the weights stay
  T trainer(perceptron(), {.epochs = 1, .device = c10::kCPU});
  const Points points(19);  // batches of 8, 8 and 3
  const auto history = trainer.fit(points);
  const auto all = CrossEntropy{}.loss(trainer.model()->forward(points.inputs_), points.targets_);
  CATCH_CHECK(std::abs(*history.epochs[0].train_loss - all.item<double>()) < 1e-6);
}

CATCH_TEMPLATE_TEST_CASE("[line 9] a skipped step does not advance the schedule", "", NoAveraging,
                         EMA) {
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, Float16, Preset<SGD{.lr = 0.5}>,
                    Preset<Exponential{.gamma = 0.5}>, TestType>;
  const auto trained = [](const auto& points, Losses& losses) {
    T trainer(perceptron(), {.epochs = 1, .device = c10::kCPU, .log_every_steps = 1});
    trainer.fit(points, losses);
    return weights_of(*trainer.model());
  };
  Losses with_skip;
  Losses without;
  Poisoned points(16, 5);  // the second of four batches
  const auto skipped = trained(points, with_skip);
  Poisoned rest(12, 0);
  rest.inputs_ = torch::cat({points.inputs_.slice(0, 0, 4), points.inputs_.slice(0, 8)});
  rest.targets_ = torch::cat({points.targets_.slice(0, 0, 4), points.targets_.slice(0, 8)});
  CATCH_CHECK(skipped.equal(trained(rest, without)));
  CATCH_CHECK(with_skip.rates == std::vector<double>{0.5, 0.25, 0.25, 0.125});
  CATCH_CHECK(with_skip.steps == std::vector<std::int64_t>{1, 1, 2, 3});
  CATCH_CHECK(std::isnan(with_skip.losses[1]));
}
