/// Whether weights and statistics have become not finite.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/error.hpp>

#include <ATen/ops/isfinite.h>
#include <torch/nn/module.h>

#include <map>
#include <string>
#include <vector>

namespace gradus {

/// Values that are not finite when the model is made are accepted, such as a causal mask of -inf in
/// a buffer. Others are refused: where there was a finite value, or in a trained parameter.
class FiniteCheck {
 public:
  /// Notes what is not finite in the model from the start.
  explicit FiniteCheck(const torch::nn::Module& model) {
    for (const auto& [name, tensor] : unique_parameters(model)) {
      known_[name] = tensor.requires_grad() ? at::Tensor() : not_finite(tensor);
    }
    for (const auto& [name, tensor] : unique_buffers(model)) known_[name] = not_finite(tensor);
  }

  /// Throws NumericError, as `where` says, if a weight or a statistic has become not finite. Of one
  /// that is new, a buffer made by the first forward pass say, what it has now is noted. Waits for
  /// the device.
  void refuse(const std::vector<NamedTensor>& tensors, const std::string& where) {
    for (const auto& [name, tensor] : tensors) {
      const auto bad = not_finite(tensor);
      const auto [known, is_new] = known_.emplace(name, bad);
      if (is_new || !bad.defined()) continue;
      const auto& before = known->second;
      const bool as_before = before.defined() && before.sizes() == bad.sizes() &&
                             !bad.logical_and(before.logical_not()).any().item<bool>();
      if (as_before) continue;
      throw NumericError("'" + name + "' is not finite in " + where +
                         "; lower the learning rate, and resume from an earlier checkpoint.");
    }
  }

  /// Likewise those of a state, whose names have "parameter/" or "buffer/" before them.
  void refuse(const StateDict& state, const std::string& where) {
    std::vector<NamedTensor> tensors;
    for (const auto& [name, tensor] : state.entries()) {
      for (const std::string kind : {"parameter/", "buffer/"}) {
        if (name.starts_with(kind)) tensors.push_back({name.substr(kind.size()), tensor});
      }
    }
    refuse(tensors, where);
  }

 private:
  /// bool, of the tensor's shape, on the CPU; undefined if all is finite, or of a type that always
  /// is.
  static at::Tensor not_finite(const at::Tensor& tensor) {
    const bool whole = !tensor.is_floating_point() && !tensor.is_complex();
    if (whole || tensor.layout() != at::kStrided) return {};
    if (tensor.scalar_type() == at::ScalarType::Float4_e2m1fn_x2) return {};
    auto values = tensor.detach();
    if (at::isFloat8Type(values.scalar_type())) values = values.to(at::kFloat);
    const auto finite = at::isfinite(values);
    if (finite.all().item<bool>()) return {};
    return finite.logical_not().cpu();
  }

  std::map<std::string, at::Tensor> known_;
};

}  // namespace gradus
