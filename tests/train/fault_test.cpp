// What a run leaves behind when something fails in the middle of it.
#include "../catch.hpp"
#include "../threads.hpp"
#include "toys.hpp"
#include <gradus/device/out_of_memory.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/train/trainer.hpp>

#include <chrono>
#include <condition_variable>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

using namespace gradus;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

using Fed = Trainer<Perceptron, Preset<Prefetch{.batch_size = 4, .workers = 2}>,
                    Preset<SGD{.lr = 0.1, .momentum = 0.9}>>;
const RunSettings two_epochs{.seed = 3, .epochs = 2, .device = c10::kCPU};

struct Broken : std::runtime_error {
  Broken() : std::runtime_error("the observer is broken") {}
  int code = 42;
};

struct BreaksAt {
  std::int64_t step;
  void on(const StepEnd& event) const {
    if (event.step == step) throw Broken();
  }
};

template <class T>
at::Tensor whole_run() {
  T trainer(perceptron(), two_epochs);
  trainer.fit(Points(40));
  return weights_of(*trainer.model());
}

struct trouble {
  static constexpr std::string_view name = "trouble";
};

enum class Place { forward, backward, step };

/// Memory runs out once, in the third step: before the forward pass of its second micro-batch,
/// before that one's backward pass, or before the optimizer moves anything.
template <Place Where>
struct FullDevice {
  using slot = trouble;
  static constexpr std::string_view name = "FullDevice";
  using hooks = Hooks<hook::before_forward, hook::before_backward, hook::before_step>;
  static constexpr auto fields() { return no_fields; }
  static bool& armed() {
    static bool now = false;
    return now;
  }
  void before_forward(Batch&, const StepContext& context) const {
    if (context.micro_batch == 1) run_out(Place::forward, context);
  }
  void before_backward(at::Tensor&, const StepContext& context) const {
    if (context.micro_batch == 1) run_out(Place::backward, context);
  }
  void before_step(const StepContext& context) const { run_out(Place::step, context); }
  static void run_out(Place place, const StepContext& context) {
    if (place != Where || context.step != 2 || !std::exchange(armed(), false)) return;
    TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory. Tried to allocate 2.00 GiB.");
  }
};

}  // namespace

CATCH_TEST_CASE("what an observer throws reaches the caller as it is, with all threads joined") {
  const auto expected = whole_run<Fed>();  // also warms up whatever starts threads
  const auto before = threads_of_this_process();
  const bool tf32 = at::globalContext().allowTF32CuDNN();
  StateDict state;
  {
    Fed trainer(perceptron(), two_epochs);
    BreaksAt observer{.step = 4};  // of 10 an epoch
    const auto begin = Clock::now();
    try {
      trainer.fit(Points(40), observer);
      CATCH_FAIL("expected an exception");
    } catch (const Broken& error) {
      CATCH_CHECK(error.code == 42);
      CATCH_CHECK(std::string(error.what()) == "the observer is broken");
    }
    CATCH_CHECK(Clock::now() - begin < 10s);
    CATCH_CHECK(threads_become(before));
    CATCH_CHECK(at::globalContext().allowTF32CuDNN() == tf32);
    state = trainer.save_state();  // of the last whole step
  }
  CATCH_CHECK(threads_become(before));

  Fed resumed(perceptron(1), two_epochs);
  resumed.load_state(state);
  resumed.fit(Points(40));
  CATCH_CHECK(weights_of(*resumed.model()).equal(expected));
}

CATCH_TEST_CASE("a trainer whose run failed can begin another") {
  struct BreaksAtOnce {
    void on(const FitBegin&) const { throw Broken(); }
  } at_once;
  Fed trainer(perceptron(), two_epochs);
  CATCH_CHECK_THROWS_AS(trainer.fit(Points(40), at_once), Broken);
  trainer.fit(Points(40));
  CATCH_CHECK(weights_of(*trainer.model()).equal(whole_run<Fed>()));
}

CATCH_TEST_CASE("a run that an exception ends leaves no gradient in the model") {
  const auto leaves_none = [](auto& trainer, auto& set, auto&... observers) {
    bool thrown = false;
    try {
      trainer.fit(set, observers...);
    } catch (...) {
      thrown = true;
    }
    CATCH_CHECK(thrown);
    for (const auto& parameter : trainer.model()->parameters()) {
      CATCH_CHECK_FALSE(parameter.grad().defined());
    }
  };
  const Points points(40);
  BreaksAt observer{.step = 4};
  Fed broken(perceptron(), two_epochs);
  leaves_none(broken, points, observer);

  struct ThrowsNumber {
    void on(const StepEnd&) const { throw 42; }
  } number;
  Fed odd(perceptron(), two_epochs);
  leaves_none(odd, points, number);

  Points bad(40);
  bad.inputs_.fill_(std::numeric_limits<float>::quiet_NaN());
  Fed guarded(perceptron(), {.seed = 3, .epochs = 2, .device = c10::kCPU, .log_every_steps = 2});
  leaves_none(guarded, bad);
}

CATCH_TEST_CASE("within a run its trainer is not loaded or trained, and the run is whole") {
  struct Meddles {
    Fed* trainer;
    StateDict early{};
    int refused = 0;
    void on(const StepEnd& event) {
      if (event.step == 3) early = trainer->save_state();
      if (event.step != 6) return;
      const auto is_refused = Catch::Matchers::ContainsSubstring("while a run of it is under way");
      CATCH_CHECK_THROWS_WITH(trainer->load_state(early), is_refused);
      CATCH_CHECK_THROWS_WITH(trainer->fit(Points(40)), is_refused);
      CATCH_CHECK_THROWS_WITH(trainer->fit(Points(40), Points(8)), is_refused);
      ++refused;
    }
  };
  Fed trainer(perceptron(), two_epochs);
  Meddles observer{&trainer};
  const auto history = trainer.fit(Points(40), observer);
  CATCH_CHECK(observer.refused == 1);
  CATCH_CHECK(history.epochs.size() == 2);
  CATCH_CHECK(weights_of(*trainer.model()).equal(whole_run<Fed>()));

  // Behind the last step, and behind an exception, a state is loaded as ever.
  struct LoadsAtTheEnd {
    Fed* trainer;
    StateDict state;
    void on(const FitEnd&) const { trainer->load_state(state); }
  } at_the_end{&trainer, observer.early};
  trainer.fit(Points(40), at_the_end);
  BreaksAt breaks{.step = 4};
  CATCH_CHECK_THROWS_AS(trainer.fit(Points(40), breaks), Broken);
  trainer.load_state(observer.early);
  trainer.fit(Points(40));
  CATCH_CHECK(weights_of(*trainer.model()).equal(whole_run<Fed>()));
}

namespace {

struct NothingToTrainImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) { return x.narrow(1, 0, 3); }
};
TORCH_MODULE(NothingToTrain);

}  // namespace

CATCH_TEST_CASE("a model of which nothing is trained is refused by a sentence, but evaluated") {
  const auto nothing = Catch::Matchers::ContainsSubstring("so nothing can be learned");
  auto net = perceptron();
  Fed frozen(net, two_epochs);
  for (auto& parameter : net->parameters()) parameter.requires_grad_(false);
  CATCH_CHECK_THROWS_WITH(frozen.fit(Points(40)),
                          nothing && Catch::Matchers::ContainsSubstring("all 4 parameters"));
  CATCH_CHECK(frozen.evaluate(Points(40)).samples == 40);
  net->head->bias.requires_grad_(true);
  CATCH_CHECK(frozen.fit(Points(40)).epochs.size() == 2);

  Trainer<NothingToTrain> empty(NothingToTrain(), two_epochs);
  CATCH_CHECK_THROWS_WITH(empty.fit(Points(40)), nothing && Catch::Matchers::ContainsSubstring(
                                                                "the model has no parameters"));
  CATCH_CHECK(empty.evaluate(Points(40)).samples == 40);
}

CATCH_TEST_CASE("a dataset that hangs ends the run after the timeout, with the worker named") {
  struct Gate {
    std::mutex mutex;
    std::condition_variable change;
    bool open = false;
  };
  struct Hangs {
    std::shared_ptr<const Points> points;
    std::shared_ptr<Gate> gate;
    [[nodiscard]] std::int64_t size() const { return points->size(); }
    [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
      const auto held = gate;  // outlives the dataset, if the thread does
      const auto data = points;
      std::unique_lock lock(held->mutex);
      if (indices.size() < 4) held->change.wait(lock, [&] { return held->open; });
      return data->batch(indices);
    }
  };
  using T =
      Trainer<Perceptron, Preset<Prefetch{.batch_size = 4, .workers = 2, .timeout_seconds = 2}>>;
  const Hangs set{std::make_shared<Points>(10), std::make_shared<Gate>()};
  T trainer(perceptron(), {.epochs = 1, .device = c10::kCPU});
  const auto begin = Clock::now();
  try {
    trainer.fit(set);
    CATCH_FAIL("expected a DataError");
  } catch (const DataError& error) {
    CATCH_CHECK(error.code() == ExitCode::data);
    CATCH_CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring("Loader worker ") &&
                                       Catch::Matchers::ContainsSubstring("batch 2 of 3"));
  }
  CATCH_CHECK(Clock::now() - begin < 20s);
  const auto before = threads_of_this_process();
  {
    const std::lock_guard lock(set.gate->mutex);
    set.gate->open = true;
  }
  set.gate->change.notify_all();
  CATCH_CHECK(threads_become(before - 1));  // the one left behind comes home
}

CATCH_TEST_CASE("an evaluation counts a short last batch once, and by its samples") {
  const Points points(10);
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>>;
  const auto evaluated = [&](std::int64_t batch) {
    return T(perceptron(), {.device = c10::kCPU, .evaluation_batch_size = batch}).evaluate(points);
  };
  const auto whole = evaluated(10);
  for (const std::int64_t batch : {1, 3, 4, 9, 500}) {
    const auto parts = evaluated(batch);
    CATCH_CHECK(parts.samples == 10);
    CATCH_CHECK(parts.correct == whole.correct);
    CATCH_CHECK(std::abs(*parts.loss - *whole.loss) < 1e-6);  // float32 sums of other lengths
  }
}

CATCH_TEST_CASE("two trainers at once, or in turn, have the bits of each alone") {
  const auto alone = [](std::uint64_t seed) {
    Fed trainer(perceptron(seed), {.seed = seed, .epochs = 2, .device = c10::kCPU});
    trainer.fit(Points(40));
    return weights_of(*trainer.model());
  };
  const auto one = alone(1);
  const auto two = alone(2);

  Fed first(perceptron(1), {.seed = 1, .epochs = 2, .device = c10::kCPU});
  Fed second(perceptron(2), {.seed = 2, .epochs = 2, .device = c10::kCPU});
  std::thread other([&] { second.fit(Points(40)); });
  first.fit(Points(40));
  other.join();
  CATCH_CHECK(weights_of(*first.model()).equal(one));
  CATCH_CHECK(weights_of(*second.model()).equal(two));

  // One within the other: the outer one continues as if nothing had been.
  struct TrainsAnother {
    void on(const StepEnd& event) const {
      if (event.step == 3) Fed(perceptron(9), two_epochs).fit(Points(40));
    }
  } observer;
  Fed outer(perceptron(1), {.seed = 1, .epochs = 2, .device = c10::kCPU});
  outer.fit(Points(40), observer);
  CATCH_CHECK(weights_of(*outer.model()).equal(one));
}

CATCH_TEMPLATE_TEST_CASE("memory that runs out names the batch and leaves the last step whole", "",
                         FullDevice<Place::forward>, FullDevice<Place::backward>,
                         FullDevice<Place::step>) {
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, Preset<Accumulate{.steps = 2}>,
                    Preset<SGD{.lr = 0.1, .momentum = 0.9}>, TestType>;
  TestType::armed() = false;
  T whole(perceptron(), two_epochs);
  const auto history = whole.fit(Points(40));

  TestType::armed() = true;
  T trainer(perceptron(), two_epochs);
  try {
    trainer.fit(Points(40));
    CATCH_FAIL("expected an OutOfMemory");
  } catch (const OutOfMemory& error) {
    CATCH_CHECK(error.code() == ExitCode::resource);
    CATCH_CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring("optimizer step 3") &&
                                       Catch::Matchers::ContainsSubstring("batches of 4") &&
                                       Catch::Matchers::ContainsSubstring("2.00 GiB"));
  }
  const auto state = trainer.save_state();
  T resumed(perceptron(1), two_epochs);
  resumed.load_state(state);  // today: std::logic_error at the end, for one window counts twice
  const auto rest = resumed.fit(Points(40));
  CATCH_CHECK(weights_of(*resumed.model()).equal(weights_of(*whole.model())));
  CATCH_CHECK(rest.epochs.back().train_loss == history.epochs.back().train_loss);
}

CATCH_TEST_CASE("a thousand runs that fail in a worker leave nothing behind") {
  struct Throws {
    Points points{40};
    [[nodiscard]] std::int64_t size() const { return points.size(); }
    [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
      if (indices[0] % 3 == 0) throw Broken();
      return points.batch(indices);
    }
  } const set;
  CATCH_CHECK_THROWS_AS(Fed(perceptron(), two_epochs).fit(set), Broken);
  const auto before = threads_of_this_process();
  for (int cycle = 0; cycle < 1000; ++cycle) {
    Fed trainer(perceptron(), two_epochs);
    CATCH_REQUIRE_THROWS_AS(trainer.fit(set), Broken);
  }
  CATCH_CHECK(threads_become(before));
}
