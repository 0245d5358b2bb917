/// A model as it is exported.
#pragma once

#include <gradus/checkpoint/weights.hpp>
#include <gradus/core/memory_form.hpp>
#include <gradus/core/plain_operators.hpp>
#include <gradus/error.hpp>
#include <gradus/export/operator_trace.hpp>
#include <gradus/export/traced_call.hpp>
#include <gradus/train/model/evaluation_mode.hpp>

#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/nn/module.h>

#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus::detail {

/// Of a holder (TORCH_MODULE), a pointer or a module.
template <class Model>
auto& module_of(Model& model) {
  if constexpr (std::is_base_of_v<torch::nn::Module, std::remove_cv_t<Model>>) {
    return model;
  } else {
    return *model;
  }
}

template <class Inputs>
inline constexpr std::size_t tensor_count = 1;
template <class... Ts>
inline constexpr std::size_t tensor_count<std::tuple<Ts...>> = sizeof...(Ts);

/// While it lives, the model evaluates on the CPU, with copies of its parameters and buffers in the
/// order of their sides, and calls LibTorch's operators, none of our own that stand for several.
class PlainModel {
 public:
  explicit PlainModel(torch::nn::Module& module)
      : evaluation_(module), plain_before_(std::exchange(uses_plain_operators(), true)) {
    for (const auto& [name, tensor] : named_state(module)) {
      kept_.push_back({name, tensor, tensor.variable_data()});
      give_copy(kept_.back());
    }
  }
  PlainModel(const PlainModel&) = delete;
  PlainModel& operator=(const PlainModel&) = delete;
  ~PlainModel() {
    for (auto& kept : kept_) kept.tensor.set_data(kept.values);
    uses_plain_operators() = plain_before_;
  }

  /// The values that the model had, after a pass that may have written to them. A trace does not
  /// record it.
  void reset() const {
    const c10::impl::ExcludeDispatchKeyGuard unseen(OperatorTrace::key);
    for (const auto& kept : kept_) {
      if (is_written(kept)) give_copy(kept);
    }
  }

  /// Runs `pass`, which begins with `reset`, twice. What the first run alone writes, as a table
  /// that is filled once, is the model's from then on. Throws ConfigurationError for a tensor to
  /// which both write, but other values; it keeps those of the first run.
  template <class Pass>
  void keep_first(const Pass& pass) {
    pass();
    std::vector<at::Tensor> first;  // undefined where nothing was written
    for (const auto& kept : kept_) {
      first.push_back(is_written(kept) ? kept.tensor.detach().clone() : at::Tensor());
    }
    pass();
    std::string unclear;
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      auto& kept = kept_[i];
      if (!first[i].defined() || is_same(first[i], kept.tensor)) continue;
      if (is_written(kept)) unclear = kept.name;
      if (first[i].sizes() == kept.values.sizes() &&
          first[i].scalar_type() == kept.values.scalar_type()) {
        copy_values(kept.values, first[i]);
      } else {
        kept.values = first[i].to(kept.values.device());
      }
    }
    if (unclear.empty()) return;
    throw ConfigurationError(
        "the model cannot be exported: its first pass leaves other values in '" + unclear +
        "' than a second pass over the same input; fill it before the export, "
        "or write to it in training mode alone.");
  }

 private:
  struct Kept {
    std::string name;
    at::Tensor tensor, values;
  };
  static bool is_same(const at::Tensor& one, const at::Tensor& other) {
    return fingerprint_of_values(one) == fingerprint_of_values(other);
  }
  static bool is_written(const Kept& kept) { return !is_same(kept.tensor, kept.values); }
  static void give_copy(const Kept& kept) {
    kept.tensor.set_data(kept.values.detach().cpu().clone(at::MemoryFormat::Contiguous));
  }

  EvaluationMode evaluation_;
  bool plain_before_;
  std::vector<Kept> kept_;
};

}  // namespace gradus::detail
