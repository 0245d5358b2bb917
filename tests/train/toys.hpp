/// Small models and data for trainer tests.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>

#include <torch/torch.h>

#include <span>
#include <vector>

/// A net without batch norm, so that accumulation must equal one big batch.
struct PerceptronImpl : torch::nn::Module {
  torch::nn::Linear hidden = register_module("hidden", torch::nn::Linear(6, 8));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(8, 3));

  at::Tensor forward(const at::Tensor& x) { return head(hidden(x).tanh()); }
};
TORCH_MODULE(Perceptron);

/// A perceptron whose weights depend on the seed alone.
inline Perceptron perceptron(std::uint64_t seed = 0) {
  torch::manual_seed(seed);
  return Perceptron();
}

/// Points of three classes; the class shifts the mean.
class Points {
 public:
  explicit Points(std::int64_t size) {
    const auto generator = at::detail::createCPUGenerator(7);
    targets_ = torch::randint(0, 3, {size}, generator, torch::kLong);
    inputs_ = torch::randn({size, 6}, generator) + targets_.unsqueeze(1).to(torch::kFloat);
  }

  [[nodiscard]] std::int64_t size() const { return targets_.size(0); }
  [[nodiscard]] gradus::Batch batch(std::span<const std::int64_t> indices) const {
    const auto index = torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()));
    return {inputs_.index_select(0, index), targets_.index_select(0, index)};
  }

  /// The first `count` of them.
  [[nodiscard]] Points first(std::int64_t count) const {
    auto some = *this;
    some.inputs_ = inputs_.narrow(0, 0, count);
    some.targets_ = targets_.narrow(0, 0, count);
    return some;
  }

  at::Tensor inputs_;   ///< [N, 6]
  at::Tensor targets_;  ///< [N]
};

/// All parameters in one vector.
inline at::Tensor weights_of(const torch::nn::Module& module) {
  std::vector<at::Tensor> flat;
  for (const auto& p : module.parameters()) flat.push_back(p.detach().flatten().clone());
  return torch::cat(flat);
}
