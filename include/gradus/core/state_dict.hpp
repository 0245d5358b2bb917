/// The run state of a policy as named tensors: what a checkpoint holds of it.
#pragma once

#include <gradus/core/error.hpp>
#include <gradus/core/parameters.hpp>

#include <ATen/ops/scalar_tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Filled by a policy's `save`, read by its `load`. Names are the policy's own.
class StateDict {
 public:
  StateDict() = default;
  explicit StateDict(std::vector<NamedTensor> entries) : entries_(std::move(entries)) {}

  /// Keeps a copy, so that a run may go on.
  void put(std::string name, const at::Tensor& tensor) {
    entries_.push_back({std::move(name), tensor.detach().clone()});
  }
  void put(std::string name, std::int64_t number) {
    entries_.push_back({std::move(name), at::scalar_tensor(number, at::kLong)});
  }

  [[nodiscard]] bool has(const std::string& name) const { return find(name) != nullptr; }

  /// Copies the tensor into `to`, which must have its shape and type. Throws CheckpointError if it
  /// has not, or if there is none of that name.
  void get(const std::string& name, at::Tensor& to) const {
    const auto& found = at(name);
    if (found.sizes() != to.sizes() || found.scalar_type() != to.scalar_type()) {
      throw CheckpointError("the saved state '" + name +
                            "' has another shape or type than this run's; resume the configuration "
                            "that it came from.");
    }
    const at::NoGradGuard no_grad;
    to.copy_(found);
  }
  /// A copy of the tensor. Throws CheckpointError if there is none of that name.
  [[nodiscard]] at::Tensor copy(const std::string& name) const { return at(name).clone(); }
  [[nodiscard]] std::int64_t number(const std::string& name) const {
    return at(name).item<std::int64_t>();
  }

  [[nodiscard]] const std::vector<NamedTensor>& entries() const { return entries_; }

 private:
  [[nodiscard]] const at::Tensor* find(const std::string& name) const {
    for (const auto& entry : entries_) {
      if (entry.name == name) return &entry.tensor;
    }
    return nullptr;
  }
  [[nodiscard]] const at::Tensor& at(const std::string& name) const {
    if (const auto* tensor = find(name)) return *tensor;
    throw CheckpointError("the saved state has no '" + name +
                          "'; resume the configuration that it came from.");
  }

  std::vector<NamedTensor> entries_;
};

}  // namespace gradus
