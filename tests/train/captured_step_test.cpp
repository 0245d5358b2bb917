// Captured steps, on a double of CUDA graphs that records operators and replays them. What CUDA's
// own graphs do is for semantics/cuda_test.cpp.
#include "../../examples/cifar10/configurations.hpp"
#include "../catch.hpp"
#include "tape.hpp"
#include "toys.hpp"
#include <gradus/data/image_dataset.hpp>
#include <gradus/data/tensor_dataset.hpp>
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/clipping/clip_norm.hpp>
#include <gradus/policy/execution/captured_step.hpp>
#include <gradus/policy/freezing/freeze.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/policy/mixing/mixup.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/grouped.hpp>
#include <gradus/policy/optimizer/lion.hpp>
#include <gradus/policy/optimizer/lookahead.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/resolution/progressive.hpp>
#include <gradus/policy/schedule/exponential.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/schedule/reduce_on_plateau.hpp>
#include <gradus/train/edit.hpp>
#include <gradus/train/trainer.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

TORCH_LIBRARY_IMPL(_, Fake, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&tape::record>());
}

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Steps captured by the double.
struct Taped {
  using slot = gradus::slot::execution;
  static constexpr std::string_view name = "Taped";
  static constexpr bool captures = true;
  using Backend = tape::Tape;
  static constexpr auto fields() { return no_fields; }
  [[nodiscard]] CapturePlan plan() const { return {}; }
};

struct Losses {
  std::vector<double> losses{};
  std::vector<double> rates{};
  std::vector<std::int64_t> steps{};
  std::vector<double> norms{};
  std::vector<double> gradients{};  ///< of all parameters that have one, their sum
  const std::vector<NamedTensor>* parameters = nullptr;
  void on(const StepEnd& event) {
    losses.push_back(event.train_loss.value_or(-1));
    rates.push_back(event.learning_rate);
    steps.push_back(event.step);
    const auto finite = [](double value) { return std::isfinite(value) ? value : -2; };
    norms.push_back(finite(event.gradient_norm.value_or(-1)));
    if (parameters == nullptr) return;
    double sum = 0;
    for (const auto& gradient : gradients_of(*parameters)) {
      sum += gradient.to(at::kDouble).sum().item<double>();
    }
    gradients.push_back(finite(sum));
  }
};

const RunSettings three_epochs{.epochs = 3, .device = c10::kCPU, .log_every_steps = 3};

/// Trains with and without capture; everything must come out in the same bits.
template <class T, class Set>
ExecutionReport equals_eager(typename T::model_type (*make)(), const Set& set,
                             const RunSettings& run = three_epochs) {
  const auto trained = [&](auto trainer) {
    Losses losses{.parameters = &trainer.parameters()};
    const auto history = trainer.fit(set, losses);
    CATCH_CHECK(gradients_of(trainer.parameters()).empty());
    auto buffers = at::zeros({1}, at::kDouble);
    for (const auto& buffer : trainer.model()->buffers()) {
      buffers = at::cat({buffers, buffer.flatten().to(at::kDouble)});
    }
    StateDict optimizer;
    trainer.policies().template at<slot::optimizer>().save(
        trainer.template state<slot::optimizer>(), optimizer);
    return std::tuple(losses, weights_of(*trainer.model()), buffers, optimizer, history,
                      trainer.execution_report());
  };
  tape::said().clear();
  const auto [losses, weights, buffers, optimizer, history, none] = trained(T(make(), run));
  CATCH_CHECK(none.replays == 0);
  const auto [own_losses, own_weights, own_buffers, own_optimizer, own_history, report] =
      trained(with<T, Taped>(make(), run));
  CATCH_CHECK(own_losses.losses == losses.losses);
  CATCH_CHECK(own_losses.rates == losses.rates);
  CATCH_CHECK(own_losses.steps == losses.steps);
  CATCH_CHECK(own_losses.norms == losses.norms);
  CATCH_CHECK(own_losses.gradients == losses.gradients);
  CATCH_CHECK(losses.gradients.back() != 0);
  CATCH_CHECK(own_weights.equal(weights));
  CATCH_CHECK(own_buffers.equal(buffers));
  CATCH_REQUIRE(own_optimizer.entries().size() == optimizer.entries().size());
  for (std::size_t i = 0; i < optimizer.entries().size(); ++i) {
    CATCH_CHECK(own_optimizer.entries()[i].tensor.equal(optimizer.entries()[i].tensor));
  }
  CATCH_REQUIRE(own_history.epochs.size() == history.epochs.size());
  for (std::size_t i = 0; i < history.epochs.size(); ++i) {
    CATCH_CHECK(own_history.epochs[i].train_loss == history.epochs[i].train_loss);
    CATCH_CHECK(own_history.epochs[i].optimizer_steps == history.epochs[i].optimizer_steps);
    CATCH_CHECK(own_history.epochs[i].skipped_steps == history.epochs[i].skipped_steps);
    CATCH_CHECK(own_history.epochs[i].flops == history.epochs[i].flops);
    CATCH_CHECK(history.epochs[i].flops > 0);
  }
  return report;
}

Perceptron net() { return perceptron(); }
ResNet10 small_net() {
  torch::manual_seed(0);
  return ResNet10(ResNet10Options{.width = 4});
}
data::ImageDataset noise(std::int64_t count) {
  const auto generator = at::detail::createCPUGenerator(5);
  return {torch::randint(0, 256, {count, 3, 32, 32}, generator, torch::kByte),
          torch::randint(0, 10, {count}, generator, torch::kLong),
          {.mean = {0.5F, 0.5F, 0.5F}, .deviation = {0.25F, 0.25F, 0.25F}}};
}

cifar10::SpeedNet speed_net() {
  torch::manual_seed(0);
  cifar10::SpeedNet net(cifar10::SpeedNetOptions{.width = 4});
  net->start_from(noise(48));
  return net;
}

using Four = Preset<Plain{.batch_size = 4}>;
using SteadyCycle = Preset<OneCycle{.max_lr = 0.05, .cycle_momentum = false}>;
template <class... Policies>
using Points4 = Trainer<Perceptron, Four, Policies...>;

}  // namespace

CATCH_TEST_CASE(
    "the double does as CUDA: it records without running, and freezes what the host knew") {
  const auto weight = torch::ones({2});
  const auto rate = torch::full({1}, 0.5);
  const std::vector<Batch> window{{torch::ones({2}), torch::zeros({2}, torch::kLong)}};
  StepGraph<tape::Tape> graph(tape::Tape(c10::kCPU), {}, {weight});
  double factor = 1;
  int calls = 0;
  const auto step = [&](const std::vector<Batch>& inputs, const at::Tensor& losses) {
    ++calls;
    const auto moved = inputs[0].input * factor;
    weight.add_(moved * rate);
    losses[0].copy_(weight.sum());
  };
  const auto run = [&] { return graph.run(window, true, step, [] {}).item<double>(); };
  for (int i = 0; i < 3; ++i) run();
  CATCH_CHECK(weight[0].item<double>() == 2.5);
  CATCH_CHECK(run() == 6);  // captured, which moves nothing, and replayed once
  CATCH_CHECK(weight[0].item<double>() == 3);
  factor = 10;      // a number of the host: frozen
  rate.fill_(1.0);  // a number of the device: read each time
  CATCH_CHECK(run() == 8);
  CATCH_CHECK(calls == 4);
}

CATCH_TEST_CASE("a captured run has the bits of an eager one: SGD, plain and with momentum") {
  const auto report = equals_eager<Points4<>>(net, Points(32));
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.warm_ups == 3);
  CATCH_CHECK(report.captures == 1);
  CATCH_CHECK(report.replays == 21);
  CATCH_CHECK(tape::said().starts_with("side side side capture replay replay replay "));
  equals_eager<Points4<Preset<SGD{.lr = 0.1, .momentum = 0.9, .nesterov = true}>, Exponential>>(
      net, Points(32));
}

CATCH_TEST_CASE(
    "a captured run has the bits of an eager one: AdamW, OneCycle, accumulation, clipping") {
  using T = Points4<Preset<AdamW{.lr = 0.01, .weight_decay = 0.1, .decay = Decay::weights}>,
                    SteadyCycle, Preset<Accumulate{.steps = 2}>, Preset<ClipNorm{.max_norm = 0.5}>>;
  const auto report = equals_eager<T>(net, Points(32));
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.replays == 9);
}

CATCH_TEST_CASE("a captured run has the bits of an eager one: Lookahead") {
  using Slowed = Preset<Lookahead<Preset<AdamW{.lr = 0.01}>>{.every = 3}>;
  const auto report = equals_eager<Points4<Slowed, SteadyCycle>>(net, Points(32));
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.replays == 21);
}

CATCH_TEST_CASE("a captured run has the bits of an eager one: Muon, over weights of many forms") {
  // In float32 its products on the CPU are no operators that a double could record.
  using Matrices = Preset<Muon{.lr = 0.05, .products = MuonProducts::bfloat16}>;
  const auto report =
      equals_eager<Trainer<ResNet10, Four, Matrices, SteadyCycle>>(small_net, noise(24));
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.replays > 0);
}

CATCH_TEST_CASE(
    "a captured run has the bits of an eager one: batch norm, bfloat16, mixing, averages") {
  using T = Trainer<ResNet10, Four, Preset<Mixed{.type = MixedType::bfloat16}>, AdamW, SteadyCycle,
                    Mixup, EMA>;
  const auto report = equals_eager<T>(small_net, noise(24));
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.replays == 15);
}

CATCH_TEST_CASE("averages of a captured run are those of an eager one") {
  using T = Points4<AdamW, Preset<EMA{.decay = 0.5, .every = 2}>>;
  T eager(net(), three_epochs);
  with<T, Taped> captured(net(), three_epochs);
  eager.fit(Points(32));
  captured.fit(Points(32));
  CATCH_REQUIRE(captured.execution_report().replays > 0);
  const auto& expected = std::as_const(eager).state<slot::averaging>().averages;
  const auto& found = std::as_const(captured).state<slot::averaging>().averages;
  CATCH_REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CATCH_CHECK(found[i].equal(expected[i]));
}

namespace {

/// Points of which the one that comes as number `bad` is infinite.
struct Poisoned : Points {
  Poisoned(std::int64_t size, std::int64_t bad_one) : Points(size), bad(bad_one) {}
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    auto batch = Points::batch(indices);
    const auto count = static_cast<std::int64_t>(indices.size());
    const auto place = bad - std::exchange(next, (next + count) % (3 * size()));
    if (place >= 0 && place < count) {
      batch.input.select(0, place).fill_(std::numeric_limits<float>::infinity());
    }
    return batch;
  }
  std::int64_t bad;
  mutable std::int64_t next = 0;
};

}  // namespace

CATCH_TEST_CASE(
    "a captured run has the bits of an eager one: float16, a step skipped by the graph") {
  using T = Points4<Preset<Mixed{.type = MixedType::float16, .initial_scale = 1024}>, AdamW,
                    SteadyCycle, Preset<Guard{.on_not_finite = OnNotFinite::stop}>>;
  const auto report = equals_eager<T>(net, Poisoned(32, 41));  // the 11th of 24 steps
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.replays == 21);
  with<T, Taped> trainer(net(), three_epochs);
  const auto history = trainer.fit(Poisoned(32, 41));
  CATCH_CHECK(history.epochs[1].skipped_steps == 1);
  CATCH_CHECK(history.epochs[1].optimizer_steps == 7);
}

namespace {

/// Two inputs and a target that are no gradus::Batch.
using Triple = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

struct SumOfBoth {
  using slot = gradus::slot::task;
  static constexpr std::string_view name = "SumOfBoth";
  static constexpr auto fields() { return no_fields; }
  TaskResult forward(auto& model, const Triple& batch, const auto& loss) const {
    const auto& [one, other, target] = batch;
    const auto output = model->forward(one + other);
    return {loss(output, target), output, target};
  }
};

/// As Triple, with a number beside: no graph could know of it.
struct Numbered {
  Triple tensors;
  std::int64_t number = 0;
};

struct SumOfNumbered : SumOfBoth {
  static constexpr std::string_view name = "SumOfNumbered";
  TaskResult forward(auto& model, const Numbered& batch, const auto& loss) const {
    return SumOfBoth().forward(model, batch.tensors, loss);
  }
};

struct NumberedSet : data::TensorDataset<Triple> {
  using TensorDataset::TensorDataset;
  [[nodiscard]] Numbered batch(std::span<const std::int64_t> indices) const {
    return {TensorDataset::batch(indices), indices[0]};
  }
};

Triple triple() {
  const auto points = Points(32);
  return {points.inputs_ / 2, points.inputs_ / 4, points.targets_};
}

}  // namespace

CATCH_TEST_CASE("a captured step takes batches of any tensors, and no others") {
  using T = Points4<AdamW, SumOfBoth>;
  const data::TensorDataset<Triple> set(triple());
  T eager(net(), three_epochs);
  eager.fit(set);
  with<T, Taped> captured(net(), three_epochs);
  captured.fit(set);
  CATCH_CHECK(captured.execution_report().replays > 0);
  CATCH_CHECK(weights_of(*captured.model()).equal(weights_of(*eager.model())));

  with<Points4<AdamW, SumOfNumbered>, Taped> beside(net(), three_epochs);
  beside.fit(NumberedSet(triple()));
  CATCH_CHECK_THAT(beside.execution_report().reason,
                   ContainsSubstring("other things than tensors"));
  CATCH_CHECK(torch::allclose(weights_of(*beside.model()), weights_of(*eager.model())));
}

CATCH_TEST_CASE("a schedule that follows the results reaches captured steps") {
  using T = Points4<Preset<SGD{.lr = 0.5}>,
                    Preset<ReduceOnPlateau{.factor = 0.1, .patience = 0, .threshold = 0.9}>>;
  auto run = three_epochs;
  run.epochs = 5;
  const auto report = equals_eager<T>(net, Points(32), run);
  CATCH_CHECK(report.reason.empty());
  T trainer(net(), run);
  Losses losses;
  trainer.fit(Points(32), losses);
  CATCH_CHECK(losses.rates.back() < 0.5);
}

CATCH_TEST_CASE("each form of batch has its graph: a short last batch, growing images") {
  auto run = three_epochs;
  run.epochs = 6;
  const auto report = equals_eager<Points4<AdamW>>(net, Points(34), run);
  CATCH_CHECK(report.captures == 2);
  CATCH_CHECK(report.warm_ups == 6);
  CATCH_CHECK(report.replays == 6 * 9 - 6);

  using Growing = Trainer<ResNet10, Four, Preset<SGD{.lr = 0.05}>,
                          Preset<Progressive{.delay_fraction = 0.4, .finetune_fraction = 0.4}>>;
  run.epochs = 3;
  const auto grown = equals_eager<Growing>(small_net, noise(24), run);
  CATCH_CHECK(grown.reason.empty());
  CATCH_CHECK(grown.captures == 2);  // the sides between the first and the last come too seldom
}

CATCH_TEST_CASE("a captured run has the bits of an eager one: cifar10's Fastest, as on CUDA") {
  // Without what only a CPU has, and a double cannot record: our own convolutions, norms over
  // channels that lie side by side, and Muon's products in float32.
  using OnCuda = without<without<cifar10::Fastest, slot::kernels>, slot::layout>;
  using T = with<OnCuda, Eager, Preset<Resident{.batch_size = 4, .on_cpu = true}>,
                 Preset<Mixed{.type = MixedType::bfloat16}>,
                 Preset<Muon{.lr = 0.1, .momentum = 0.8, .products = MuonProducts::bfloat16}>>;
  const auto report = equals_eager<T>(small_net, noise(48));
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.replays > 0);
  // Nothing that it is made of stands in the way, on whatever device.
  static_assert(CaptureObstacle<typename cifar10::Fastest::policies_type>::sentence.empty());
}

CATCH_TEST_CASE("a captured run has the bits of an eager one: cifar10's Record, as on CUDA") {
  using OnCuda = without<without<cifar10::Record, slot::kernels>, slot::layout>;
  using T = with<OnCuda, Eager, Preset<Resident{.batch_size = 4, .on_cpu = true}>,
                 Preset<Mixed{.type = MixedType::bfloat16}>,
                 Grouped<Preset<Muon{.lr = 0.24, .products = MuonProducts::bfloat16}>,
                         GroupWith<Preset<SGD{.lr = 0.67, .momentum = 0.85, .nesterov = true}>>{
                             .parameters = "head.*"}>>;
  const auto report = equals_eager<T>(speed_net, noise(48));
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.replays > 0);
  static_assert(CaptureObstacle<typename cifar10::Record::policies_type>::sentence.empty());
}

CATCH_TEST_CASE("steps are captured again when a frozen part thaws") {
  using T = Points4<Grouped<AdamW, Group{.parameters = "head.*", .rate = 5}>,
                    Preset<Freeze{.parameters = "hidden.*", .epochs = 1}>>;
  const auto report = equals_eager<T>(net, Points(32));
  CATCH_CHECK(report.captures == 2);
}

CATCH_TEST_CASE("a captured run that is saved resumes bit for bit") {
  struct Saver {
    with<Points4<AdamW, SteadyCycle>, Taped>* trainer;
    StateDict state;
    void on(const StepEnd& event) {
      if (event.step == 10) state = trainer->save_state();
    }
  };
  using T = with<Points4<AdamW, SteadyCycle>, Taped>;
  T whole(net(), three_epochs);
  Saver saver{&whole, {}};
  whole.fit(Points(32), saver);
  T rest(net(), three_epochs);
  rest.load_state(saver.state);
  rest.fit(Points(32));
  CATCH_CHECK(rest.execution_report().replays > 0);
  CATCH_CHECK(weights_of(*rest.model()).equal(weights_of(*whole.model())));
}

namespace {

/// What the model does that it should not.
enum class Habit { none, reads, throws_in_capture, replaces };
Habit habit = Habit::none;

struct OddImpl : torch::nn::Module {
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
  at::Tensor mean = register_buffer("mean", torch::zeros({1}));
  at::Tensor forward(const at::Tensor& x) {
    if (habit == Habit::reads && x.sum().item<float>() > 1e9) return head(-x);
    if (habit == Habit::throws_in_capture && tape::recording != nullptr && ++passes == 2) {
      throw std::runtime_error("the model has a bad day");
    }
    if (habit == Habit::replaces) {
      const at::NoGradGuard no_grad;
      mean.set_data(mean * 0.5 + x.mean());
    }
    return head(x + mean);
  }
  int passes = 0;  ///< in captures
};
TORCH_MODULE(Odd);

Odd odd() {
  torch::manual_seed(0);
  return Odd();
}

using OddRun = Trainer<Odd, Four, Preset<AdamW{.lr = 0.05}>>;
/// An error in the second pass of a window finds gradients of the first.
using OddWindows = with<OddRun, Preset<Accumulate{.steps = 2}>>;

}  // namespace

CATCH_TEST_CASE(
    "a step that reads on the host runs without a graph, and the reason names the operator") {
  habit = Habit::reads;
  const auto report = equals_eager<OddRun>(odd, Points(32));
  CATCH_CHECK(
      report.reason ==
      "a step could not be captured: in aten::_local_scalar_dense, operation not permitted when "
      "stream is capturing");
  CATCH_CHECK(report.captures == 0);
  CATCH_CHECK(report.replays == 0);
  CATCH_CHECK(tape::said() == "side side side capture failed ");
  habit = Habit::none;
}

CATCH_TEST_CASE(
    "an error during capture leaves the run as it was, and it continues without a graph") {
  habit = Habit::throws_in_capture;
  const auto report = equals_eager<OddWindows>(odd, Points(32));
  CATCH_CHECK(report.reason == "a step could not be captured: the model has a bad day");
  CATCH_CHECK(tape::said() == "side side side capture failed ");
  habit = Habit::none;
}

CATCH_TEST_CASE("a step that gives a buffer new memory runs without a graph, from the old one") {
  habit = Habit::replaces;
  const auto report = equals_eager<OddRun>(odd, Points(32));
  CATCH_CHECK_THAT(report.reason, ContainsSubstring("new memory"));
  CATCH_CHECK(report.replays == 0);
  habit = Habit::none;
}

namespace {

/// Gives the weights new memory after step 10, as Module::to would.
template <class T>
struct Mover {
  T* trainer;
  void on(const StepEnd& event) const {
    if (event.step != 10) return;
    for (auto& parameter : trainer->model()->parameters()) {
      parameter.set_data(parameter.detach().clone());
    }
  }
};

}  // namespace

CATCH_TEST_CASE("weights that moved in memory are captured again") {
  using T = with<Points4<AdamW>, Taped>;
  T still(net(), three_epochs);
  still.fit(Points(32));
  T moved(net(), three_epochs);
  Mover<T> mover{&moved};
  tape::said().clear();
  moved.fit(Points(32), mover);
  CATCH_CHECK(moved.execution_report().captures == 2);
  CATCH_CHECK(moved.execution_report().warm_ups == 6);
  CATCH_CHECK_THAT(tape::said(), ContainsSubstring("replay side side side capture replay"));
  CATCH_CHECK(weights_of(*moved.model()).equal(weights_of(*still.model())));
}

namespace {

struct NormedImpl : torch::nn::Module {
  torch::nn::Linear hidden = register_module("hidden", torch::nn::Linear(6, 8));
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(8));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(8, 3));
  at::Tensor forward(const at::Tensor& x) { return head(norm(hidden(x)).tanh()); }
};
TORCH_MODULE(Normed);

/// Freezes a layer behind the first epoch; behind the second it is unfrozen and the norm is frozen.
struct ChangesByHand {
  Normed model;
  void on(const EpochEnd& event) {
    for (auto& parameter : model->hidden->parameters()) {
      parameter.requires_grad_(event.record.epoch != 1);
    }
    model->norm->train(event.record.epoch != 2);
  }
};

}  // namespace

CATCH_TEMPLATE_TEST_CASE(
    "steps are captured again when an observer freezes, unfreezes or puts a "
    "part in another mode",
    "", SGD, AdamW) {
  const auto trained = [](auto trainer) {
    ChangesByHand observer{trainer.model()};
    trainer.fit(Points(32), observer);
    const auto& norm = trainer.model()->norm;
    return std::tuple(weights_of(*trainer.model()), norm->running_mean.clone(),
                      norm->num_batches_tracked.template item<std::int64_t>(),
                      trainer.execution_report());
  };
  const auto make = [] {
    torch::manual_seed(0);
    return Normed();
  };
  using T = Trainer<Normed, Four, TestType>;
  const auto [weights, means, batches, none] = trained(T(make(), three_epochs));
  const auto [own_weights, own_means, own_batches, report] =
      trained(with<T, Taped>(make(), three_epochs));
  CATCH_CHECK(batches == 16);  // of two epochs
  CATCH_CHECK(own_weights.equal(weights));
  CATCH_CHECK(own_means.equal(means));
  CATCH_CHECK(own_batches == batches);
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.captures == 3);
  CATCH_CHECK(report.replays == 15);
}

namespace {

struct noises {
  static constexpr std::string_view name = "noises";
};
struct Doubling {
  using slot = noises;
  static constexpr std::string_view name = "Doubling";
  using hooks = Hooks<hook::before_step>;
  static constexpr auto fields() { return no_fields; }
  void before_step(const StepContext& context) const {
    for (const auto& [label, parameter] : context.parameters) parameter.grad().mul_(2);
  }
};
struct Doubled {
  using slot = noises;
  static constexpr std::string_view name = "Doubled";
  static constexpr std::string_view not_captured = "";
  using hooks = Hooks<hook::before_step>;
  static constexpr auto fields() { return no_fields; }
  void before_step(const StepContext& context) const {
    for (const auto& [label, parameter] : context.parameters) parameter.grad().mul_(2);
  }
};
struct Drawing {
  using slot = noises;
  static constexpr std::string_view name = "Drawing";
  static constexpr std::string_view not_captured = "it draws numbers on the host";
  using hooks = Hooks<hook::before_forward>;
  static constexpr auto fields() { return no_fields; }
  void before_forward(Batch&, const StepContext&) const {}
};

template <class... Policies>
std::string reason_for(const RunSettings& run = three_epochs) {
  Points4<Policies..., Taped> trainer(net(), run);
  trainer.fit(Points(32));
  CATCH_CHECK(trainer.execution_report().replays == 0);
  return trainer.execution_report().reason;
}

}  // namespace

CATCH_TEST_CASE("what cannot be captured is known before the first step, and the reason says it") {
  CATCH_CHECK(reason_for<Lion>() ==
              "policy Lion of axis optimizer has no `step_on_device`, so that a graph would freeze "
              "its learning rate");
  CATCH_CHECK_THAT(reason_for<Doubling>(),
                   ContainsSubstring("policy Doubling of axis noises has the hook `before_step`"));
  CATCH_CHECK(reason_for<Drawing>() ==
              "policy Drawing of axis noises cannot be captured: it draws numbers on the host");
  CATCH_CHECK_THAT((reason_for<AdamW, OneCycle>()), ContainsSubstring("sets momentum"));
  CATCH_CHECK_THAT((reason_for<Preset<SGD{.momentum = 0.9, .dampening = 0.5}>>()),
                   ContainsSubstring("steps_on_device"));
  CATCH_CHECK_THAT((reason_for<Preset<Guard{.each_step = true}>>()),
                   ContainsSubstring("guard.each_step"));
  using Float16 = Preset<Mixed{.type = MixedType::float16}>;
  CATCH_CHECK_THAT((reason_for<Float16, EMA>()), ContainsSubstring("averaged weights"));
  auto stops = three_epochs;
  stops.stop_after_steps = 20;
  CATCH_CHECK_THAT((reason_for<Float16>(stops)), ContainsSubstring("stop_after_steps"));
  tape::Tape::none = "there is no such thing";
  CATCH_CHECK(reason_for<>() == "there is no such thing");
  tape::Tape::none = "";
}

CATCH_TEST_CASE(
    "a capture too early or in another thread is refused, and the steps run as they are") {
  const std::vector<Batch> window{{torch::ones({2, 3}), torch::zeros({2}, torch::kLong)}};
  const auto step = [](const std::vector<Batch>& inputs, const at::Tensor& losses) {
    losses[0].copy_(inputs[0].input.sum());
  };
  StepGraph<tape::Tape> early(tape::Tape(c10::kCPU), {.warmup_steps = 1}, {});
  StepGraph<tape::Tape> elsewhere(tape::Tape(c10::kCPU), {}, {});
  for (int i = 0; i < 4; ++i) {
    CATCH_CHECK(early.run(window, true, step, [] {}).item<double>() == 6);
    std::thread([&] { static_cast<void>(elsewhere.run(window, true, step, [] {})); }).join();
  }
  CATCH_CHECK_THAT(early.report().reason, ContainsSubstring("a capture after 1 warm-ups"));
  CATCH_CHECK_THAT(elsewhere.report().reason, ContainsSubstring("a capture in another thread"));
  CATCH_CHECK(elsewhere.report().replays == 0);
}

CATCH_TEST_CASE("loader threads work while a step is captured") {
  using T = Trainer<Perceptron, Preset<Prefetch{.batch_size = 4, .workers = 2}>, AdamW>;
  const auto report = equals_eager<T>(net, Points(64));
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.replays == 45);
}

CATCH_TEST_CASE("a policy that vouches for its hooks is captured with them") {
  const auto report = equals_eager<Points4<AdamW, Doubled>>(net, Points(32));
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.replays == 21);
}

CATCH_TEST_CASE("without CUDA CapturedStep trains as Eager does and says why") {
  using T = Points4<AdamW>;
  T eager(net(), three_epochs);
  with<T, CapturedStep> captured(net(), three_epochs);
  eager.fit(Points(32));
  captured.fit(Points(32));
  CATCH_CHECK(weights_of(*captured.model()).equal(weights_of(*eager.model())));
  CATCH_CHECK_FALSE(captured.execution_report().reason.empty());
  CATCH_CHECK(captured.execution_report().warm_ups == 0);
}

CATCH_TEST_CASE(
    "windows of which some targets are ignored are captured too, and step as eager ones") {
  Points points(60);
  for (const std::int64_t place : {0, 3, 4, 5, 17, 33, 34, 35, 41}) {
    points.targets_[place] = CrossEntropy::ignored;
  }
  points.inputs_ = points.inputs_.to(torch::kDouble);
  const auto trained = [&](auto trainer) {
    trainer.fit(points);
    return std::pair(weights_of(*trainer.model()), trainer.execution_report());
  };
  using T = Points4<SGD, Preset<Accumulate{.steps = 2}>>;
  const RunSettings run{.epochs = 6, .device = c10::kCPU};
  const auto fresh = [] {
    auto model = perceptron();
    model->to(torch::kDouble);
    return model;
  };
  const auto [weights, none] = trained(T(fresh(), run));
  const auto [own, report] = trained(with<T, Taped>(fresh(), run));
  CATCH_CHECK(report.reason.empty());
  CATCH_CHECK(report.captures >= 2);  // windows weighted alike, and others
  CATCH_CHECK(report.replays > 20);
  CATCH_CHECK(at::allclose(own, weights, 1e-9, 1e-12));
}
