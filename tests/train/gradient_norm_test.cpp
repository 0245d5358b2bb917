// What observers are told of gradients at readings, and of memory and the end of a run.
#include "catch.hpp"
#include "toys.hpp"
#include <gradus/core/sample_draw.hpp>
#include <gradus/core/stop_request.hpp>
#include <gradus/device/peak_memory.hpp>
#include <gradus/observe/lines.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/clipping/clip_norm.hpp>
#include <gradus/policy/clipping/clip_value.hpp>
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/train/model/gradients.hpp>
#include <gradus/train/trainer.hpp>

#include <cmath>
#include <cstdint>
#include <tuple>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

using Small = Preset<Plain{.batch_size = 4}>;

double norm_of(const std::vector<NamedTensor>& parameters) {
  double squares = 0;
  for (const auto& [label, parameter] : parameters) {
    if (!parameter.grad().defined()) continue;
    squares += parameter.grad().to(at::kDouble).square().sum().item<double>();
  }
  return std::sqrt(squares);
}

/// The norms of the gradients that the optimizer is given.
std::vector<double> given;

struct spy {
  static constexpr std::string_view name = "spy";
};
struct SeesGradients {
  using slot = spy;
  static constexpr std::string_view name = "SeesGradients";
  using hooks = Hooks<At<hook::before_step, Phase::late>>;
  static constexpr auto fields() { return no_fields; }
  void before_step(const StepContext& context) const {
    given.push_back(norm_of(context.parameters));
  }
};

struct Told {
  std::vector<StepEnd> steps{};
  std::vector<double> kept{};  ///< norms of the gradients that are still there
  const std::vector<NamedTensor>* parameters = nullptr;
  void on(const StepEnd& event) {
    steps.push_back(event);
    kept.push_back(norm_of(*parameters));
  }
};

template <class... Policies>
Told told_by(std::int64_t log_every) {
  given.clear();
  Trainer<Perceptron, Small, SeesGradients, Policies...> trainer(
      perceptron(), {.epochs = 2, .device = c10::kCPU, .log_every_steps = log_every});
  Told told{.parameters = &trainer.parameters()};
  trainer.fit(Points(34), told);
  for (const auto& [label, parameter] : trainer.parameters()) {
    CATCH_CHECK_FALSE(parameter.grad().defined());
  }
  return told;
}

using Two = Preset<Accumulate{.steps = 2}>;
using Half = Preset<Mixed{.type = MixedType::float16}>;
using ByNorm = Preset<ClipNorm{.max_norm = 0.05}>;
using ByValue = Preset<ClipValue{.clip_value = 0.01}>;

template <class Clipping, class... Policies>
struct ClippedRun {
  using Still = Preset<SGD{.lr = 1e-30}>;
  using Free = std::tuple<Still, Policies...>;
  using Clipped = std::tuple<Still, Clipping, Policies...>;
};

template <class Policies>
Told told_by_all(std::int64_t log_every) {
  return std::apply([&](auto... policies) { return told_by<decltype(policies)...>(log_every); },
                    Policies());
}

}  // namespace

CATCH_TEMPLATE_TEST_CASE("a reading has the norm of the gradients that the optimizer was given", "",
                         std::tuple<>, std::tuple<Two>, (std::tuple<Half, Two>)) {
  const auto of = told_by_all<TestType>(2);
  CATCH_REQUIRE(of.steps.size() == given.size());
  int readings = 0;
  for (std::size_t i = 0; i < given.size(); ++i) {
    CATCH_CHECK(of.kept[i] == given[i]);  // unchanged, and there at each step
    const auto norm = of.steps[i].gradient_norm;
    CATCH_CHECK(norm.has_value() == of.steps[i].train_loss.has_value());
    if (!norm) continue;
    ++readings;
    CATCH_CHECK(*norm == Catch::Approx(given[i]).epsilon(1e-6));
  }
  CATCH_CHECK(readings >= 4);
}

CATCH_TEMPLATE_TEST_CASE("where gradients are clipped, a reading has the norm before", "",
                         ClippedRun<ByNorm>, ClippedRun<ByValue>, (ClippedRun<ByNorm, Half>),
                         (ClippedRun<ByValue, Half, Two>)) {
  // The weights stay, so a run that does not clip has the same gradients.
  static_cast<void>(told_by_all<typename TestType::Free>(1));
  const auto before = given;
  const auto of = told_by_all<typename TestType::Clipped>(1);
  CATCH_REQUIRE(of.steps.size() == before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    CATCH_REQUIRE(of.steps[i].gradient_norm.has_value());
    CATCH_CHECK(*of.steps[i].gradient_norm == Catch::Approx(before[i]).epsilon(1e-5));
    CATCH_CHECK(of.kept[i] == given[i]);
    CATCH_CHECK(given[i] < 0.9 * before[i]);
  }
}

CATCH_TEST_CASE("a step of which no target counts has no gradient norm") {
  Trainer<Perceptron, Small> trainer(perceptron(),
                                     {.epochs = 1, .device = c10::kCPU, .log_every_steps = 2});
  Points points(16);
  const auto order = epoch_order(16, 0, 0);
  for (int i = 4; i < 8; ++i) points.targets_[order[static_cast<std::size_t>(i)]] = -100;
  Told told{.parameters = &trainer.parameters()};
  trainer.fit(points, told);
  CATCH_REQUIRE(told.steps.size() == 4);
  CATCH_CHECK(told.steps[1].train_loss.has_value());  // of the step before
  CATCH_CHECK_FALSE(told.steps[1].gradient_norm.has_value());
  CATCH_CHECK(told.steps[3].gradient_norm.has_value());
}

CATCH_TEST_CASE("a gradient norm is over real parts, and 16-bit gradients do not overflow it") {
  const auto with_gradient = [](const at::Tensor& gradient) {
    auto parameter = at::zeros_like(gradient).requires_grad_(true);
    parameter.mutable_grad() = gradient;
    return NamedTensor{"w", parameter};
  };
  const auto norm = [](const std::vector<NamedTensor>& list) {
    return gradient_norm(list).item<double>();
  };
  const auto complex = with_gradient(at::full({1}, c10::complex<double>(3, 4), at::kComplexDouble));
  const auto half = with_gradient(at::full({16}, 3e4, at::kHalf));
  const auto short_float = with_gradient(at::full({1 << 16}, 1, at::kBFloat16));
  const auto real = with_gradient(at::full({4}, 6.0));
  const NamedTensor none{"none", at::zeros({3})};
  CATCH_CHECK(norm({complex}) == 5);
  CATCH_CHECK(norm({half}) == Catch::Approx(120000).epsilon(1e-6));
  CATCH_CHECK(norm({short_float}) == 256);
  CATCH_CHECK(norm({complex, none, real}) == 13);
  CATCH_CHECK_FALSE(gradient_norm({none}).defined());
}

CATCH_TEST_CASE("an epoch knows the most memory that was in use, and a checkpoint keeps it") {
  const auto block = at::ones({std::int64_t{1} << 24});  // 64 MiB that are touched
  Trainer<Perceptron, Small> trainer(perceptron(), {.epochs = 2, .device = c10::kCPU});
  const auto history = trainer.fit(Points(16));
  CATCH_CHECK(history.epochs[0].peak_memory > std::int64_t{64} << 20);
  CATCH_CHECK(history.epochs[1].peak_memory >= history.epochs[0].peak_memory);
  CATCH_CHECK(history.epochs[1].peak_memory <= peak_memory(c10::kCPU));
  const auto state = trainer.save_state();
  Trainer<Perceptron, Small> again(perceptron(), {.epochs = 2, .device = c10::kCPU});
  again.load_state(state);
  CATCH_CHECK(again.fit(Points(16)).epochs[1].peak_memory == history.epochs[1].peak_memory);

  // The state of a version that did not know it.
  std::vector<NamedTensor> older;
  for (const auto& entry : state.entries()) {
    if (entry.name != "time/peak_memory") older.push_back(entry);
  }
  CATCH_REQUIRE(older.size() + 1 == state.entries().size());
  again.load_state(StateDict(older));
  const auto loaded = again.fit(Points(16));
  CATCH_CHECK(loaded.epochs[1].peak_memory == 0);
  CATCH_CHECK(loaded.epochs[1].train_loss == history.epochs[1].train_loss);
  for (auto& entry : older) {
    if (entry.name == "history/counts") {
      older.push_back({"time/peak_memory", at::zeros({entry.tensor.size(0) + 1}, at::kLong)});
      break;
    }
  }
  CATCH_CHECK_THROWS_AS(again.load_state(StateDict(older)), CheckpointError);
}

CATCH_TEST_CASE("the last line says why a run ended before its last step") {
  const auto line = [](const History& history) {
    return observe::line_of(FitEnd{.history = &history});
  };
  const RunSettings run{.epochs = 6, .device = c10::kCPU};
  Trainer<Perceptron, Small> whole(perceptron(), run);
  const auto done = whole.fit(Points(16), Points(16));
  CATCH_CHECK_FALSE(done.stopped_early);
  CATCH_CHECK_THAT(line(done),
                   ContainsSubstring("done: 6 epochs, ") && ContainsSubstring("iB of m"));
  CATCH_CHECK_THAT(line(done), !ContainsSubstring(";"));

  using Early =
      Trainer<Perceptron, Small, Preset<SGD{.lr = 1e-30}>, Preset<EarlyStop{.patience = 3}>>;
  Early early(perceptron(), run);
  const auto history = early.fit(Points(16), Points(16));
  CATCH_CHECK((history.end == RunEnd::whole && history.stopped_early));
  CATCH_CHECK_THAT(line(history), ContainsSubstring("done: 4 epochs, ") &&
                                      ContainsSubstring("; the stopping policy ended it"));
  const auto state = early.save_state();
  Early loaded(perceptron(), run);
  loaded.load_state(state);
  CATCH_CHECK(loaded.fit(Points(16), Points(16)).stopped_early);
  auto four = run;
  four.epochs = 4;
  CATCH_CHECK_FALSE(Early(perceptron(), four).fit(Points(16), Points(16)).stopped_early);

  auto limited = run;
  limited.stop_after_steps = 6;
  const auto limit = Trainer<Perceptron, Small>(perceptron(), limited).fit(Points(16));
  CATCH_CHECK_THAT(line(limit), ContainsSubstring("done: 2 epochs, ") &&
                                    ContainsSubstring("; stop_after_steps was reached"));
  auto asked = run;
  StopRequest request;
  request.ask();
  asked.stop = &request;
  const auto stopped = Trainer<Perceptron, Small>(perceptron(), asked).fit(Points(16));
  CATCH_CHECK_THAT(line(stopped),
                   ContainsSubstring("stopped after 0 whole epochs; an end was asked for"));
  CATCH_CHECK_THAT(line({.epochs = {}, .end = RunEnd::out_of_data}),
                   ContainsSubstring("; the data ended before the last step"));
}
