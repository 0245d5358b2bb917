/// The one list of a model's parameters in which a shared weight stands once, and the way to share
/// one.
#pragma once

#include <gradus/error.hpp>

#include <torch/nn/module.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gradus {

/// A tensor with its name: a parameter, a buffer, or an entry of a saved state. It is bound as a
/// pair: `const auto& [name, tensor] = ...`.
struct NamedTensor {
  std::string name;  ///< dotted, of the first place it is found in
  at::Tensor tensor;
  std::vector<std::string> other_names{};  ///< of the other places that share it

  /// Whether `holds(name)` is true for one of its names.
  template <class Holds>
  [[nodiscard]] bool any_name(const Holds& holds) const {
    return holds(name) || std::any_of(other_names.begin(), other_names.end(), holds);
  }

  template <std::size_t I>
  [[nodiscard]] auto& get() & {
    return std::get<I>(std::tie(name, tensor));
  }
  template <std::size_t I>
  [[nodiscard]] const auto& get() const& {
    return std::get<I>(std::tie(name, tensor));
  }
  template <std::size_t I>
  [[nodiscard]] auto&& get() && {
    return std::move(std::get<I>(std::tie(name, tensor)));
  }
};

}  // namespace gradus

/// @cond
/// Binds as two.
template <>
struct std::tuple_size<gradus::NamedTensor> : std::integral_constant<std::size_t, 2> {};
/// A name, and a tensor.
template <std::size_t I>
struct std::tuple_element<I, gradus::NamedTensor>
    : std::tuple_element<I, std::pair<std::string, at::Tensor>> {};
/// @endcond

namespace gradus {

namespace detail {

template <class Dict>
std::vector<NamedTensor> unique_tensors(const Dict& dict) {
  std::vector<NamedTensor> list;
  std::unordered_map<const c10::TensorImpl*, std::size_t> places;
  for (const auto& item : dict) {
    if (!item.value().defined()) continue;
    const auto [known, is_new] = places.emplace(item.value().unsafeGetTensorImpl(), list.size());
    if (is_new) {
      list.push_back({item.key(), item.value()});
    } else {
      list[known->second].other_names.push_back(item.key());
    }
  }
  return list;
}

/// Opens the parameter table of any module, which LibTorch keeps protected.
struct ParameterTable : torch::nn::Module {
  static auto& of(torch::nn::Module& module) { return module.*(&ParameterTable::parameters_); }
};

}  // namespace detail

/// Parameters in order of registration, each once. LibTorch's `parameters()` keeps duplicates,
/// which an optimizer would step twice and a scaler unscale twice.
inline std::vector<NamedTensor> unique_parameters(const torch::nn::Module& module) {
  return detail::unique_tensors(module.named_parameters());
}

/// Buffers (running statistics of batch norms, ...), each once.
inline std::vector<NamedTensor> unique_buffers(const torch::nn::Module& module) {
  return detail::unique_tensors(module.named_buffers());
}

/// Number of scalars in the unique parameters.
inline std::int64_t count_parameters(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : unique_parameters(module)) count += parameter.tensor.numel();
  return count;
}

/// While it lives, what `tie_parameter` ties in this thread is noted, and taken apart at its end.
class TiesUndone {
 public:
  TiesUndone() : outer_(std::exchange(current(), this)) {}
  TiesUndone(const TiesUndone&) = delete;
  TiesUndone& operator=(const TiesUndone&) = delete;
  ~TiesUndone() {
    for (auto tie = ties_.rbegin(); tie != ties_.rend(); ++tie) {
      *tie->entry = tie->before;
      *tie->own = tie->before;
    }
    current() = outer_;
  }

  static void note(at::Tensor& entry, at::Tensor& own) {
    if (current() != nullptr) current()->ties_.push_back({&entry, &own, own});
  }

 private:
  struct Tie {
    at::Tensor* entry;
    at::Tensor* own;
    at::Tensor before;
  };

  static TiesUndone*& current() {
    thread_local TiesUndone* scope = nullptr;
    return scope;
  }

  TiesUndone* outer_;
  std::vector<Tie> ties_;
};

/// Makes `own`, the member of `module` registered as `name`, the same tensor as `source`: one
/// weight, whose gradient is the sum over both uses. Both the member and the table entry are
/// replaced, so that the tie survives `.to(device)` and is seen by everyone who lists parameters.
/// Throws ConfigurationError if the shapes differ or there is no parameter of that name.
inline void tie_parameter(torch::nn::Module& module, const std::string& name, at::Tensor& own,
                          const at::Tensor& source) {
  auto* entry = detail::ParameterTable::of(module).find(name);
  if (entry == nullptr) {
    throw ConfigurationError("module " + module.name() + " has no parameter '" + name +
                             "' of its own to share; name one that it registered.");
  }
  if (own.sizes() != source.sizes()) {
    throw ConfigurationError(
        "parameter '" + name + "' of " + module.name() +
        " cannot be shared with one of another shape; share only equal shapes.");
  }
  TiesUndone::note(*entry, own);
  *entry = source;
  own = source;
}

}  // namespace gradus
