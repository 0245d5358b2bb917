// One of several processes that train together. Arguments are name=value; what it prints is one
// line of JSON.
#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/core/stop_request.hpp>
#include <gradus/distributed.hpp>
#include <gradus/policies.hpp>
#include <gradus/train/stepper.hpp>
#include <gradus/train/trainer.hpp>

#include <nlohmann/json.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace gradus;

std::map<std::string, std::string> arguments;
double number(const std::string& name, double otherwise) {
  return arguments.contains(name) ? std::stod(arguments[name]) : otherwise;
}
bool is(const std::string& name) { return number(name, 0) != 0; }

struct NetOptions {
  bool norm = false;
  bool tracks = true;
  double dropout = 0;
  bool unused = false;
  bool centred = false;
  std::int64_t width = 16;
};

struct NetImpl : torch::nn::Cloneable<NetImpl> {
  explicit NetImpl(const NetOptions& chosen = {}) : options(chosen) { reset(); }
  void reset() override {
    // A bias before a norm has no gradient but that of rounding.
    first = register_module(
        "first", torch::nn::Linear(torch::nn::LinearOptions(8, options.width).bias(!options.norm)));
    if (options.norm) {
      norm = register_module(
          "norm",
          torch::nn::BatchNorm1d(
              torch::nn::BatchNorm1dOptions(options.width).track_running_stats(options.tracks)));
    }
    if (options.dropout > 0) drop = register_module("drop", torch::nn::Dropout(options.dropout));
    if (options.unused) extra = register_module("extra", torch::nn::Linear(2, 2));
    last = register_module("last", torch::nn::Linear(options.width, 5));
    register_buffer("mask", at::randn({6}).gt(0));  // of types and forms that c10d does not send
    register_buffer("turned", at::randn({2, 3}).mul(100).to(at::kShort).t());
    if (options.centred) centre = register_buffer("centre", at::zeros({options.width}));
  }
  at::Tensor forward(const at::Tensor& x) {
    auto y = first(x);
    if (norm) y = norm(y);
    y = y.relu();
    if (drop) y = drop(y);
    if (options.centred) {
      const at::NoGradGuard no_grad;
      if (is_training()) centre.lerp_(y.mean(0), 0.3);
    }
    return last(options.centred ? y - centre : y);
  }
  NetOptions options;
  torch::nn::Linear first{nullptr}, extra{nullptr}, last{nullptr};
  torch::nn::BatchNorm1d norm{nullptr};
  torch::nn::Dropout drop{nullptr};
  at::Tensor centre;  ///< follows the samples, and the loss depends on it
};
TORCH_MODULE(Net);

/// Writes down which samples were asked for.
class Points {
 public:
  Points(std::int64_t size, std::uint64_t seed, double bad = -1) {
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    inputs_ = at::randn({size, 8}, generator);
    targets_ = inputs_.narrow(1, 0, 5).argmax(1);
    targets_.masked_fill_(at::arange(size).remainder(7).eq(3), -100);  // these do not count
    if (bad >= 0) inputs_[static_cast<std::int64_t>(bad)] = NAN;
  }
  [[nodiscard]] std::int64_t size() const { return targets_.size(0); }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    const std::lock_guard lock(*mutex_);
    seen_->insert(seen_->end(), indices.begin(), indices.end());
    if (asked != nullptr && std::cmp_greater_equal(seen_->size(), ask_after)) asked->ask();
    const auto chosen = at::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()));
    return {inputs_.index_select(0, chosen), targets_.index_select(0, chosen)};
  }
  [[nodiscard]] const at::Tensor& targets() const { return targets_; }
  [[nodiscard]] std::uint32_t fingerprint() const { return fingerprint_of(inputs_); }
  [[nodiscard]] const std::vector<std::int64_t>& seen() const { return *seen_; }

  StopRequest* asked = nullptr;  ///< for an end, by the batch with this sample
  std::int64_t ask_after = 0;

 private:
  at::Tensor inputs_, targets_;
  std::shared_ptr<std::mutex> mutex_ = std::make_shared<std::mutex>();
  std::shared_ptr<std::vector<std::int64_t>> seen_ = std::make_shared<std::vector<std::int64_t>>();
};

/// Whole numbers in float64, so that sums are exact.
struct LineImpl : torch::nn::Cloneable<LineImpl> {
  LineImpl() { reset(); }
  void reset() override {
    layer = register_module("layer", torch::nn::Linear(3, 2));
    layer->to(at::kDouble);
    const at::NoGradGuard no_grad;
    layer->weight.copy_(at::arange(6).reshape({2, 3}) - 2);
    layer->bias.zero_();
  }
  at::Tensor forward(const at::Tensor& x) { return layer(x); }
  torch::nn::Linear layer{nullptr};
};
TORCH_MODULE(Line);

struct Whole {
  [[nodiscard]] static std::int64_t size() { return 24; }
  [[nodiscard]] static Batch batch(std::span<const std::int64_t> indices) {
    const auto at = at::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()));
    const auto x = at::stack({at, at.remainder(3), at.remainder(5) - 2}, 1).to(at::kDouble);
    return {x, x.narrow(1, 0, 2) * 2 - 3};
  }
};

/// Counts what it is told, can wait at each step, and can freeze a norm.
struct Counter {
  int steps = 0, epochs = 0;
  std::vector<double> norms{};
  torch::nn::Module* freezes = nullptr;
  void on(const StepEnd& event) {
    if (freezes != nullptr) freezes->eval();
    ++steps;
    if (event.gradient_norm && std::isfinite(*event.gradient_norm)) {
      norms.push_back(*event.gradient_norm);
    }
    if (!is("slow")) return;
    if (event.step == 1) std::cout << "begun" << std::endl;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  void on(const EpochEnd&) { ++epochs; }
};

template <class T>
nlohmann::json weights_of(T& trainer) {
  std::vector<double> list;
  const auto evaluated = trainer.evaluation_weights();
  for (const auto& tensors : {trainer.parameters(), unique_buffers(*trainer.model())}) {
    for (const auto& [name, tensor] : tensors) {
      const auto values = real_parts(tensor.detach()).to(at::kDouble).contiguous();
      const auto* begin = values.template const_data_ptr<double>();
      list.insert(list.end(), begin, begin + values.numel());
    }
  }
  return list;
}

/// The policy of docs/axes/distribution.md.
struct SumAtTheEnd {
  using slot = gradus::slot::distribution;
  static constexpr std::string_view name = "SumAtTheEnd";
  static constexpr bool distributes = true;
  static constexpr auto fields() { return gradus::no_fields; }

  struct State {
    std::shared_ptr<gradus::Communicator> joined;
    std::vector<gradus::NamedTensor> parameters;
    double factor = 1;
  };

  State start(const std::vector<gradus::NamedTensor>& parameters) const {
    return {gradus::shared_ranks(std::chrono::seconds(60)), parameters};
  }
  gradus::Communicator& ranks(const State& state) const { return *state.joined; }
  void begin_window(State&) const {}
  void begin_last_pass(State& state, double factor) const { state.factor = factor; }
  void finish_window(State& state) const {
    const at::NoGradGuard no_grad;
    for (auto& parameter : state.parameters) {
      if (!parameter.tensor.requires_grad()) continue;
      auto& gradient = parameter.tensor.mutable_grad();
      if (!gradient.defined()) gradient = at::zeros_like(parameter.tensor);  // it had no pass
      state.joined->sum(gradient.mul_(state.factor));
    }
  }
};

template <class Distribution>
nlohmann::json exact() {
  using Run = Trainer<Line, Preset<Plain{.batch_size = 8}>, Preset<Accumulate{.steps = 2}>,
                      Preset<SGD{.lr = 0.0625}>, SquaredError, InOrder, Distribution>;
  Run trainer(Line(), {.epochs = 1});  // more steps, and products have more digits than a double
  const Whole data;
  const auto history = trainer.fit(data);
  return {{"loss", *history.epochs.back().train_loss}, {"weights", weights_of(trainer)}};
}

/// Optimizers within optimizers, each of which numbers its own parameters.
using Nested =
    Grouped<Lookahead<Preset<Muon{.lr = 0.02}>>, Group{.parameters = "last.*", .rate = 0.5}>;

/// Its state is of no parameter, and of what the parameters of this process are.
struct Summing {
  using slot = gradus::slot::optimizer;
  static constexpr std::string_view name = "Summing";
  double lr = 0.01;
  static constexpr auto fields() {
    return fields_of(field("lr", &Summing::lr, positive_float(), "learning rate"));
  }
  struct State {
    std::vector<at::Tensor> parameters;
    double sum = 0;
  };
  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    State state;
    for (const auto& named : parameters) state.parameters.push_back(named.tensor);
    return state;
  }
  [[nodiscard]] constexpr bool has_momentum() const { return true; }
  void save(const State& state, StateDict& to) const { to.put("sum", state.sum); }
  void load(State& state, const StateDict& from) const { state.sum = from.real("sum"); }
  void step(State& state, const Rates& rates) const {
    for (auto& parameter : state.parameters) {
      if (!parameter.grad().defined()) continue;
      state.sum += parameter.grad().sum().item<double>();
      parameter.detach().sub_(parameter.grad(), rates.learning_rate);
    }
  }
};

/// Of the optimizer, in this process.
template <class T>
std::int64_t bytes_of_state(const T& trainer) {
  StateDict state;
  trainer.policies().template at<slot::optimizer>().save(trainer.template state<slot::optimizer>(),
                                                         state);
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : state.entries()) {
    const bool is_moment = tensor.dim() > 0 && tensor.is_floating_point();
    bytes += is_moment ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
  }
  return bytes;
}

template <class Optimizer>
nlohmann::json trained() {
  using Run = Trainer<Net, Prefetch, Accumulate, Optimizer, Preset<ClipNorm{.max_norm = 0.5}>,
                      Preset<EMA{.decay = 0.9}>, OneCycle, F1<>, ConfusionMatrix, DataParallel>;
  typename Run::policies_type policies;
  const auto set = [&](const char* axis, const char* field, const nlohmann::json& value) {
    set_policy_field(policies, axis, field, value);
  };
  set("loading", "batch_size", static_cast<std::int64_t>(number("batch", 16)));
  set("loading", "workers", static_cast<std::int64_t>(number("workers", 1)));
  set("accumulation", "steps", static_cast<std::int64_t>(number("accumulate", 2)));
  set("distribution", "timeout_seconds", number("timeout", 60));
  set("distribution", "bucket_megabytes", number("bucket", 0.001));
  if (is("shared_norms")) set("distribution", "shared_norms", true);
  if (is("shard")) set("distribution", "shard_optimizer", true);
  if (arguments.contains("type")) set("distribution", "gradient_type", arguments["type"]);
  if (is("skip")) {
    set("guard", "each_step", true);
    set("guard", "on_not_finite", "skip");
  }
  const auto place = place_from_environment();
  const bool differs = place.rank > 0 && place.rank == place.size - 1;
  const auto other = [&](const char* what) { return differs && arguments["differs"] == what; };
  if (other("rate")) set("optimizer", "lr", 0.01);
  if (other("buckets")) set("distribution", "bucket_megabytes", 1.0);
  torch::manual_seed(other("weights") ? 9 : 1);

  StopRequest request;
  const StopSignals signals(request);
  const auto stop_after = number("stop_after", 0);
  Run trainer(
      Net(NetOptions{.norm = is("norm"),
                     .tracks = !is("untracked"),
                     .dropout = number("dropout", 0),
                     .unused = is("unused"),
                     .centred = is("centred"),
                     .width = other("model") ? 12 : 16}),
      {.seed = 7,
       .epochs = static_cast<std::int64_t>(number("epochs", 3)),
       .device = at::kCPU,
       .log_every_steps = 2,
       .evaluation_batch_size = 8,
       .sanity_samples = 4,
       .stop_after_steps = stop_after > 0 ? std::optional<std::int64_t>(stop_after) : std::nullopt,
       .stop = &request},
      policies);
  const Points train(static_cast<std::int64_t>(number("samples", 90)) + (other("data") ? 1 : 0), 3,
                     number("nan", -1));
  Points test(static_cast<std::int64_t>(number("test", 37)), 4);
  test.ask_after = static_cast<std::int64_t>(number("ask_evaluating", 0));
  if (differs && test.ask_after > 0) test.asked = &request;
  std::optional<Checkpoints<Run>> checkpoints;
  bool resumed = false;
  if (arguments.contains("folder")) {
    CheckpointPlan plan;
    if (is("warn")) plan.on_failure = OnSaveFailure::warn;
    checkpoints.emplace(trainer, arguments["folder"], plan);
    resumed = checkpoints->resume(train, test).has_value();
  }
  if (is("ask") && differs) request.ask();  // as a signal before the first step
  Counter counter;
  if (is("freezes")) counter.freezes = trainer.model()->norm.get();
  const auto history = checkpoints ? trainer.fit(train, test, counter, *checkpoints)
                                   : trainer.fit(train, test, counter);
  nlohmann::json result{{"end", static_cast<int>(history.end)},
                        {"resumed", resumed},
                        {"told", {counter.steps, counter.epochs}},
                        {"seen", train.seen()},
                        {"test_seen", test.seen().size()},
                        {"weights", weights_of(trainer)},
                        {"state", bytes_of_state(trainer)},
                        {"epochs", nlohmann::json::array()},
                        {"norms", counter.norms}};
  for (const auto& epoch : history.epochs) {
    const auto& test_set = *epoch.test;
    result["epochs"].push_back({{"train_loss", epoch.train_loss.value_or(-1)},
                                {"samples", epoch.samples},
                                {"steps", epoch.optimizer_steps},
                                {"skipped", epoch.skipped_steps},
                                {"test_loss", *test_set.loss},
                                {"correct", test_set.correct},
                                {"counted", test_set.counted},
                                {"f1", test_set.metrics.at(0).value.value_or(-1)}});
  }
  return result;
}

/// A loop of one's own, in which the last rank has less to add, and at the end nothing.
nlohmann::json stepped() {
  using Steps = Stepper<Net, Preset<Accumulate{.steps = 2}>, Preset<AdamW{.lr = 0.02}>,
                        Preset<EMA{.decay = 0.9}>, DataParallel>;
  const auto place = place_from_environment();
  torch::manual_seed(place.rank == 0 ? 1 : 9);
  typename Steps::policies_type policies;
  if (is("shard")) set_policy_field(policies, "distribution", "shard_optimizer", true);
  Steps stepper(Net(NetOptions{.norm = is("frozen"), .centred = is("centred")}),
                {.total_steps = 4, .device = at::kCPU, .read_every = 1}, policies);
  if (is("frozen")) stepper.model()->norm->eval();  // its backward pass needs its statistics
  const auto [rank, size] = stepper.share();
  const Points points(96, 3);
  int steps = 0;
  int added = 0;
  const auto add = [&](std::int64_t first, std::int64_t count, double weight) {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < indices.size(); ++i) {
      indices[i] = first + static_cast<std::int64_t>(i);
    }
    const auto batch = points.batch(indices);
    const auto compute = [&] {
      return at::cross_entropy_loss(stepper.model()->forward(batch.input), batch.target);
    };
    const auto loss = is("outside") ? compute() : stepper.forward(compute);
    if (++added % 2 == 0 && is("lose") && rank > 0) {
      stepper.model()->centre.fill_(9);  // as if it had seen other samples
    }
    steps += stepper.backward(loss, weight) ? 1 : 0;
  };
  // Three windows of 24 samples in 2 batches, shared by contiguous parts that weigh what they hold.
  for (std::int64_t batch = 0; batch < 6; ++batch) {
    const RankShare share{rank, size};
    const auto first = batch * 12 + share.first(12);
    const auto counted = points.targets().narrow(0, first, share.count(12)).ge(0).sum();
    add(first, share.count(12), counted.item<double>());
    if (batch == 3) {  // saved by all, who then take what is theirs
      const auto state = stepper.save_state();
      stepper.load_state(state);
    }
  }
  // A short window of which rank 0 alone has something; then none.
  if (rank == 0) add(72, 12, 1);
  steps += stepper.finish() ? 1 : 0;
  const bool nothing = stepper.finish();
  return {{"steps", steps},
          {"of", stepper.steps()},
          {"nothing", !nothing},
          {"loss", *stepper.mean_loss()},
          {"weights", weights_of(stepper)}};
}

/// Two models in a loop of one's own; of their last window rank 0 alone has something.
nlohmann::json two_models() {
  using Steps =
      Stepper<Net, Preset<Accumulate{.steps = 2}>, Preset<AdamW{.lr = 0.02}>, DataParallel>;
  torch::manual_seed(1);
  typename Steps::policies_type policies;
  set_policy_field(policies, "distribution", "timeout_seconds", number("timeout", 60));
  const StepperSettings settings{.total_steps = 2, .device = at::kCPU};
  const NetOptions options{.centred = true};
  Steps one(Net(options), settings, policies), other(Net(options), settings, policies);
  const auto rank = one.share().rank;
  const Points points(48, 3);
  for (std::int64_t round = 0; round < (rank == 0 ? 3 : 2); ++round) {
    const auto first = 8 * (2 * round + rank);
    const auto batch = points.batch(std::vector{first, first + 1, first + 2, first + 5});
    for (auto* stepper : {&one, &other}) {
      stepper->backward(stepper->forward([&] {
        return at::cross_entropy_loss(stepper->model()->forward(batch.input), batch.target);
      }));
    }
  }
  one.finish();
  other.finish();
  return {{"steps", {one.steps(), other.steps()}},
          {"weights", {weights_of(one), weights_of(other)}}};
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto at = argument.find('=');
    arguments[argument.substr(0, at)] = argument.substr(at + 1);
  }
  try {
    std::cout << (is("exact")     ? exact<DataParallel>()
                  : is("own")     ? exact<SumAtTheEnd>()
                  : is("stepped") ? stepped()
                  : is("two")     ? two_models()
                  : is("nested")  ? trained<Nested>()
                  : is("summing") ? trained<Summing>()
                                  : trained<Preset<AdamW{.lr = 0.02}>>())
              << std::endl;
    return 0;
  } catch (const Error& error) {
    std::cerr << error.what() << std::endl;
    return static_cast<int>(error.code());
  }
}
