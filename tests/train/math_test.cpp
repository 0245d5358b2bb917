// A run computes as it declares, and leaves the process as it was.
#include "../catch.hpp"
#include "toys.hpp"
#include <gradus/device/math_scope.hpp>
#include <gradus/train/trainer.hpp>

#include <stdexcept>

using namespace gradus;

namespace {

struct Switches {
  int right = 0;
  int wrong = 0;
  MathSettings expected{};
  bool fails = false;

  template <class Event>
    requires(std::same_as<Event, StepEnd> || std::same_as<Event, FitBegin>)
  void on(const Event&) {
    const auto& context = at::globalContext();
    const bool as_declared = context.allowTF32CuDNN() == expected.tf32 &&
                             context.allowTF32CuBLAS() == expected.tf32 &&
                             context.benchmarkCuDNN() == expected.cudnn_benchmark &&
                             context.deterministicAlgorithms() == expected.deterministic;
    ++(as_declared ? right : wrong);
    if (fails) throw std::runtime_error("the observer fails");
  }
};

/// Looks at the switches whenever a held-out batch is read.
struct Watching {
  Points points;
  bool* tf32_seen;
  [[nodiscard]] std::int64_t size() const { return points.size(); }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    *tf32_seen = at::globalContext().allowTF32CuDNN();
    return points.batch(indices);
  }
};

}  // namespace

CATCH_TEST_CASE("fit and evaluate set the switches that the run declares, and set them back") {
  const bool before = at::globalContext().allowTF32CuDNN();
  CATCH_REQUIRE(before);  // LibTorch's default: a baseline must say that it does not want it
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 8}>>;
  for (const MathSettings math :
       {MathSettings{}, MathSettings{.tf32 = true}, MathSettings{.cudnn_benchmark = true}}) {
    T trainer(perceptron(), {.epochs = 1, .device = c10::kCPU, .math = math});
    Switches watch{.expected = math};
    trainer.fit(Points(16), watch);
    CATCH_CHECK(watch.right == 3);
    CATCH_CHECK(watch.wrong == 0);
    bool seen = !math.tf32;
    trainer.evaluate(Watching{Points(16), &seen});
    CATCH_CHECK(seen == math.tf32);
    CATCH_CHECK(at::globalContext().allowTF32CuDNN() == before);
    CATCH_CHECK_FALSE(at::globalContext().benchmarkCuDNN());

    watch.fails = true;
    CATCH_CHECK_THROWS(trainer.fit(Points(16), watch));
    CATCH_CHECK(at::globalContext().allowTF32CuDNN() == before);
  }
}

CATCH_TEST_CASE("a run whose switches contradict each other is refused before it begins") {
  CATCH_CHECK_THROWS_AS(
      (Trainer<Perceptron>(
          perceptron(),
          {.device = c10::kCPU, .math = {.cudnn_benchmark = true, .deterministic = true}})),
      ConfigurationError);
}
