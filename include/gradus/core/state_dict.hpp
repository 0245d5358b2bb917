/// The run state of a policy as named tensors: what a checkpoint holds of it.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>

#include <ATen/ops/scalar_tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Filled by a policy's `save`, read by its `load`. Names are the policy's own.
class StateDict {
 public:
  StateDict() = default;
  explicit StateDict(std::vector<NamedTensor> entries)
      : entries_(std::move(entries)), read_(entries_.size()) {}

  /// Nothing yet, but the memory of `earlier` is there for what will be put.
  static StateDict over(StateDict earlier) {
    StateDict state;
    state.spare_ = std::move(earlier.entries_);
    return state;
  }

  /// Keeps a copy, so that a run may continue.
  void put(std::string name, const at::Tensor& tensor) {
    add(std::move(name), copy_of(tensor.detach()));
  }
  void put(std::string name, std::int64_t number) {
    add(std::move(name), at::scalar_tensor(number, at::kLong));
  }
  void put(std::string name, double number) {
    add(std::move(name), at::scalar_tensor(number, at::kDouble));
  }

  /// Calls `fill(*this)`; what it puts gets "prefix/" before its name.
  template <class Fill>
  void put_under(const std::string& prefix, Fill&& fill) {
    const auto before = prefix_;
    prefix_ += prefix + "/";
    fill(*this);
    prefix_ = before;
  }

  /// What was put under "prefix/", by the names without it.
  [[nodiscard]] StateDict part(const std::string& prefix) const {
    std::vector<NamedTensor> entries;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto& [name, tensor] = entries_[i];
      if (!name.starts_with(prefix + "/")) continue;
      entries.push_back({name.substr(prefix.size() + 1), tensor});
      read_[i] = true;
    }
    return StateDict(std::move(entries));
  }

  [[nodiscard]] bool has(const std::string& name) const { return find(name) != nullptr; }

  /// Copies the tensor into `to`, which must have its shape and type. Throws CheckpointError if it
  /// has not, or if there is none of that name.
  void get(const std::string& name, at::Tensor& to) const {
    const auto& found = at(name);
    const auto form_of = [](const at::Tensor& tensor) {
      return c10::str(tensor.scalar_type(), " ", tensor.sizes());
    };
    if (found.sizes() != to.sizes() || found.scalar_type() != to.scalar_type()) {
      throw CheckpointError("the saved state '" + name + "' is " + form_of(found) +
                            ", but this run has " + form_of(to) +
                            "; resume the configuration that it came from.");
    }
    copy_values(to, found);
  }
  /// A copy of the tensor. Throws CheckpointError if there is none of that name.
  [[nodiscard]] at::Tensor copy(const std::string& name) const { return at(name).clone(); }
  [[nodiscard]] std::int64_t number(const std::string& name) const {
    return at(name).item<std::int64_t>();
  }
  [[nodiscard]] double real(const std::string& name) const { return at(name).item<double>(); }

  /// Throws CheckpointError if there is an entry that nobody has asked for: it is the state of
  /// something that this run does not have.
  void refuse_unread() const {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (read_[i]) continue;
      throw CheckpointError("the saved state has '" + entries_[i].name +
                            "', which this run does not have; resume the configuration that it "
                            "came from.");
    }
  }

  [[nodiscard]] const std::vector<NamedTensor>& entries() const { return entries_; }

 private:
  void add(std::string name, at::Tensor tensor) {
    entries_.push_back({prefix_ + std::move(name), std::move(tensor)});
    read_.push_back(false);
  }

  /// In memory of an earlier state, where that had a tensor of this form in this place.
  [[nodiscard]] at::Tensor copy_of(const at::Tensor& tensor) {
    if (entries_.size() < spare_.size()) {
      const auto& spare = spare_[entries_.size()].tensor;
      if (spare.sizes() == tensor.sizes() && spare.strides() == tensor.strides() &&
          spare.scalar_type() == tensor.scalar_type() && spare.device() == tensor.device()) {
        const at::NoGradGuard no_grad;
        return at::Tensor(spare).copy_(tensor);
      }
    }
    return tensor.resolve_conj().resolve_neg().clone();
  }

  [[nodiscard]] const at::Tensor* find(const std::string& name) const {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].name != name) continue;
      read_[i] = true;
      return &entries_[i].tensor;
    }
    return nullptr;
  }
  [[nodiscard]] const at::Tensor& at(const std::string& name) const {
    if (const auto* tensor = find(name)) return *tensor;
    throw CheckpointError("the saved state has no '" + name +
                          "'; resume the configuration that it came from.");
  }

  std::vector<NamedTensor> entries_;
  mutable std::vector<bool> read_;  ///< whether anybody has asked for an entry
  std::vector<NamedTensor> spare_;
  std::string prefix_;
};

}  // namespace gradus
