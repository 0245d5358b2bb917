/// One training run of gradus beside the run that Python PyTorch made of the same case.
#pragma once

#include "../catch.hpp"
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/trainer.hpp>

#include <nlohmann/json.hpp>

#include <torch/version.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace parity {

using namespace gradus;
using Numbers = std::vector<double>;

inline const nlohmann::json& document(const std::string& file) {
  static std::map<std::string, nlohmann::json> read;
  auto& json = read[file];
  if (json.is_null()) {
    json = nlohmann::json::parse(std::ifstream(std::string(GRADUS_PARITY) + "/" + file));
  }
  return json;
}

inline const nlohmann::json& case_of(const std::string& file, const std::string& name) {
  for (const auto& one : document(file)["cases"]) {
    if (one["name"] == name) return one;
  }
  throw std::out_of_range(file + " has no case '" + name + "'");
}

/// As `processor` in make_trajectories.py: where it is the same, the same kernels run.
inline std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  std::array<std::string, 4> values{"?", "?", "?", "?"};
  const std::array<std::string, 4> keys{"vendor_id", "cpu family", "model", "stepping"};
  for (std::string line; std::getline(info, line) && !line.empty();) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto tab = line.find('\t');
      if (line.substr(0, tab) == keys[i]) values[i] = line.substr(line.find(':') + 2);
    }
  }
  return values[0] + " " + values[1] + " " + values[2] + " " + values[3];
}

/// The first records of a shipped file, as `images` in nets.py.
inline Batch images(const std::string& file, std::int64_t count) {
  std::ifstream stream(std::string(GRADUS_SUBSET) + "/" + file, std::ios::binary);
  std::vector<char> bytes(std::istreambuf_iterator<char>(stream), {});
  CATCH_REQUIRE(static_cast<std::int64_t>(bytes.size()) >= count * (1 + 3 * 32 * 32));
  const auto records =
      torch::from_blob(bytes.data(), {count, 1 + 3 * 32 * 32}, torch::kByte).clone();
  const auto pixels = records.slice(1, 1).reshape({count, 3, 32, 32}).to(torch::kFloat);
  return {pixels / 256 - 0.5, records.select(1, 0).to(torch::kLong)};
}

struct PerceptronImpl : torch::nn::Module {
  torch::nn::Linear hidden = register_module("hidden", torch::nn::Linear(192, 16));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(16, 10));

  /// Means of 4 x 4 pixels.
  static at::Tensor see(const at::Tensor& pixels) {
    return pixels.reshape({-1, 3, 8, 4, 8, 4})
        .sum(at::IntArrayRef{3, 5})
        .div(16)
        .reshape({-1, 192});
  }
  at::Tensor forward(const at::Tensor& x) { return head(hidden(x).tanh()); }
};
TORCH_MODULE(Perceptron);

struct ConvNetImpl : torch::nn::Module {
  static torch::nn::Conv2d convolution(std::int64_t from, std::int64_t to) {
    return torch::nn::Conv2d(
        torch::nn::Conv2dOptions(from, to, 3).stride(2).padding(1).bias(false));
  }
  torch::nn::Conv2d conv1 = register_module("conv1", convolution(3, 8));
  torch::nn::BatchNorm2d norm1 = register_module("norm1", torch::nn::BatchNorm2d(8));
  torch::nn::Conv2d conv2 = register_module("conv2", convolution(8, 16));
  torch::nn::BatchNorm2d norm2 = register_module("norm2", torch::nn::BatchNorm2d(16));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(16, 10));

  static at::Tensor see(const at::Tensor& pixels) { return pixels; }
  at::Tensor forward(const at::Tensor& images) {
    const auto x = norm1(conv1(images)).relu();
    return head(norm2(conv2(x)).relu().mean({2, 3}));
  }
};
TORCH_MODULE(ConvNet);

template <class Net>
struct Making {
  static Net net() { return Net(); }
  static at::Tensor see(const at::Tensor& pixels) { return Net::ContainedType::see(pixels); }
};
template <>
struct Making<ResNet10> {
  static ResNet10 net() { return ResNet10(ResNet10Options{.width = 8}); }
  static at::Tensor see(const at::Tensor& pixels) { return pixels; }
};

/// As `start` in nets.py.
inline void start(const std::vector<NamedTensor>& parameters) {
  const at::NoGradGuard no_grad;
  for (std::size_t number = 0; number < parameters.size(); ++number) {
    const auto& [name, parameter] = parameters[number];
    if (parameter.dim() < 2) {
      parameter.fill_(name.ends_with("weight") ? 1.0 : 0.0);
      continue;
    }
    const auto index = torch::arange(parameter.numel(), torch::kLong);
    const auto hash = (index * 2654435761 + (static_cast<std::int64_t>(number) + 1) * 40503);
    const auto unit =
        (hash.remainder(4294967296).to(torch::kDouble) / 4294967296 * 12289.5).remainder(1.0);
    const auto fan_in = static_cast<double>(parameter.numel() / parameter.size(0));
    parameter.copy_(
        ((unit * 2 - 1) * std::sqrt(3.0 / fan_in)).reshape(parameter.sizes()).to(torch::kFloat));
  }
}

/// The samples in their own order, batch after batch, whatever is asked for.
class InOrder {
 public:
  InOrder(at::Tensor inputs, at::Tensor targets)
      : inputs_(std::move(inputs)), targets_(std::move(targets)) {}

  [[nodiscard]] std::int64_t size() const { return targets_.size(0); }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    const auto count = static_cast<std::int64_t>(indices.size());
    const auto first = std::exchange(next_, (next_ + count) % size());
    return {inputs_.narrow(0, first, count), targets_.narrow(0, first, count)};
  }

 private:
  at::Tensor inputs_;
  at::Tensor targets_;
  mutable std::int64_t next_ = 0;
};

/// What both sides record.
struct Trajectory {
  Numbers losses;  ///< of each step; not a number where the step was skipped
  Numbers rates;
  Numbers weights;  ///< sum of sizes, of each parameter
  Numbers logits;   ///< of four test images
  double logit_sum = 0;
  std::int64_t skipped = 0;

  void on(const StepEnd& event) {
    losses.push_back(event.train_loss.value_or(std::nan("")));
    rates.push_back(event.learning_rate);
  }
  void on(const EpochEnd& event) { skipped += event.record.skipped_steps; }
};

/// Trains `T` on the case, in float32 or in float64.
template <class T>
Trajectory train(const nlohmann::json& one, at::ScalarType type) {
  using Net = typename T::model_type;
  typename T::policies_type policies;
  policies.template at<slot::accumulation>().steps = 1;
  set_policy_field(policies, "loading", "batch_size", one["batch"]);
  for (const auto& [key, value] : one["settings"].items()) {
    const auto dot = key.find('.');
    const bool twin = type == at::kDouble && key == "precision.type";
    set_policy_field(policies, key.substr(0, dot), key.substr(dot + 1),
                     twin ? nlohmann::json("float32") : value);
  }
  auto net = Making<Net>::net();
  net->to(type);
  T trainer(net, {.epochs = one["epochs"], .device = at::kCPU, .log_every_steps = 1}, policies);
  start(trainer.parameters());

  const auto given = images("data_batch_1.bin", one["samples"]);
  const auto& pixels = given.input;
  const auto& labels = given.target;
  const auto test = Making<Net>::see(images("test_batch.bin", 64).input).to(type);
  Trajectory trajectory;
  trainer.fit(InOrder(Making<Net>::see(pixels).to(type), labels), trajectory);

  const auto judged = trainer.evaluation_weights();
  for (const auto& parameter : trainer.parameters()) {
    trajectory.weights.push_back(
        parameter.tensor.detach().to(torch::kDouble).abs().sum().template item<double>());
  }
  trainer.model()->eval();
  const at::NoGradGuard no_grad;
  at::Tensor logits;
  {
    auto& precision = trainer.policies().template at<slot::precision>();
    const auto state = precision.start(at::kCPU);
    [[maybe_unused]] const auto scope = precision.forward_scope(state);
    logits = trainer.model()->forward(test);
  }
  logits = logits.to(torch::kDouble);
  const auto few = logits.slice(0, 0, 4).contiguous();
  trajectory.logits.assign(few.template data_ptr<double>(),
                           few.template data_ptr<double>() + few.numel());
  trajectory.logit_sum = logits.abs().sum().template item<double>();
  return trajectory;
}

inline double apart(double a, double b) {
  return a == b ? 0 : std::abs(a - b) / std::max(std::abs(a), std::abs(b));
}

/// The largest relative distance of the float32 and the float64 run of Python up to each step: what
/// rounding alone does to this case.
inline Numbers rounding_of(const nlohmann::json& one) {
  const Numbers single = one["float32"]["losses"];
  const Numbers twin = one["float64"]["losses"];
  Numbers largest(single.size(), 0);
  for (std::size_t step = 0; step < single.size(); ++step) {
    largest[step] = std::max(step > 0 ? largest[step - 1] : 0, apart(single[step], twin[step]));
  }
  return largest;
}

/// `allowed(step)`, relative. Names the first step that differs.
template <class Allowed>
void check_losses(const Numbers& ours, const nlohmann::json& theirs, const std::string& type,
                  Allowed allowed) {
  const Numbers expected = theirs["losses"];
  CATCH_REQUIRE(ours.size() == expected.size());
  for (std::size_t step = 0; step < ours.size(); ++step) {
    if (std::isnan(ours[step])) continue;  // skipped
    if (apart(ours[step], expected[step]) <= allowed(step)) continue;
    CATCH_INFO(type << ": the first step that differs is " << step << ": loss " << ours[step]
                    << " against PyTorch's " << expected[step] << ", relative distance "
                    << apart(ours[step], expected[step]) << ", allowed " << allowed(step));
    CATCH_CHECK(false);
    return;
  }
  CATCH_SUCCEED();
}

inline void check_result(const Trajectory& ours, const nlohmann::json& theirs,
                         const std::string& type, double allowed) {
  CATCH_INFO(type << " after the last step, allowed " << allowed);
  const auto near = [&](const char* what, const Numbers& mine, const Numbers& expected) {
    CATCH_INFO(what);
    CATCH_REQUIRE(mine.size() == expected.size());
    const auto size = *std::max_element(expected.begin(), expected.end());
    for (std::size_t i = 0; i < mine.size(); ++i) {
      CATCH_CHECK(std::abs(mine[i] - expected[i]) <=
                  allowed * std::max(std::abs(expected[i]), std::abs(size)));
    }
  };
  near("weights", ours.weights, theirs["weights"]);
  near("outputs", ours.logits, theirs["logits"]);
  near("all outputs", {ours.logit_sum}, {theirs["logit_sum"].get<double>()});
}

/// What a case is compared by.
enum class Kernels {
  same,   ///< PyTorch runs the very same operators: equal bits on the same processor
  other,  ///< an operator differs, such as a scalar kept on the device
  finer,  ///< products are finer than PyTorch's, which are in bfloat16
};

template <class T>
void check_case(const std::string& name, Kernels kernels = Kernels::same,
                const std::string& file = "trajectories.json") {
  at::set_num_threads(1);
  const auto& one = case_of(file, name);
  CATCH_INFO(name);
  const auto rounding = rounding_of(one);
  // Muon's iteration is in bfloat16, autocast in 16 bits: their float64 runs are no exact twins.
  const bool half = one["settings"].contains("precision.type");
  const bool exact_twin = one["optimizer"] != "Muon";
  // On another processor, or in another LibTorch, the last bits may be others. So may they with
  // finer products, and from the first steps on: the two runs of Python share the rounding of
  // bfloat16 until they have drifted apart, so that their distance says too little. (Measured: up
  // to 9e-5 in the first ten losses, and 1e-3 in later ones.)
  const bool same_rounding =
      kernels != Kernels::finer && document(file)["processor"] == processor() &&
      document(file)["made_by"].get<std::string>().starts_with("torch " TORCH_VERSION);

  // There sums are rounded in other orders, and one ReLU or maximum that tips over parts two
  // float32 runs by a thousand times more than rounding does; it may do so some steps earlier.
  const double least = same_rounding ? 1e-6 : 1e-3;
  const std::size_t earlier = same_rounding ? 0 : 10;

  const auto single = train<T>(one, at::kFloat);
  const bool bits = same_rounding && kernels == Kernels::same;
  const auto allowed = [&](std::size_t step) {
    return bits ? 0 : std::max(least, 4 * rounding[std::min(step + earlier, rounding.size() - 1)]);
  };
  check_losses(single.losses, one["float32"], "float32", allowed);
  check_result(single, one["float32"], "float32",
               bits ? 0 : std::max(10 * least, 40 * rounding.back()));
  CATCH_CHECK(single.skipped == one["float32"]["skipped"].get<std::int64_t>());

  const Numbers rates = one["float32"]["rates"];
  CATCH_REQUIRE(single.rates.size() == rates.size());
  for (std::size_t step = 0; step < rates.size(); ++step) {
    CATCH_INFO("rate of step " << step);
    CATCH_CHECK(apart(single.rates[step], rates[step]) <= 1e-12);
  }

  if (half || !exact_twin) return;
  const auto twin = train<T>(one, at::kDouble);
  // The same growth from the rounding of float64, 2^-29 of float32's.
  const auto allowed_twin = [&](std::size_t step) {
    return std::max(1e-12, 16 * rounding[step] * 0x1p-29);
  };
  check_losses(twin.losses, one["float64"], "float64", allowed_twin);
  check_result(twin, one["float64"], "float64", std::max(1e-10, 160 * rounding.back() * 0x1p-29));
}

}  // namespace parity
