/// What the operators of an optimizer are given: parameters, gradients and moments in one order in
/// memory, whatever the order of the parameters.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/policy/optimizer/decay.hpp>

#include <ATen/ops/empty_like.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>
#include <vector>

namespace gradus {

/// Whether a step updates `parameter`, of this group: it has a gradient, and elements.
[[nodiscard]] inline bool is_moved(const at::Tensor& parameter, ParameterGroup group) {
  return parameter.grad().defined() && parameter.numel() > 0 && group_of(parameter) == group;
}

/// Lists of parameters of one number type in step with their gradients and `N` moments. (The fused
/// CUDA kernels take one type at a time.)
///
/// The fused CPU kernels of LibTorch (2.11 to 2.15) go over the memory of a parameter from its
/// first element on, as if it were dense, and over gradient and moments alike: of a column block of
/// a larger tensor they would update the wrong elements, and those of its neighbours. So a
/// parameter that is not dense is stood in for by a dense copy, which `finish` writes back, and a
/// gradient or moment in another order is brought into that of its parameter. A complex parameter
/// is given as its real and imaginary parts, as in PyTorch. Copies are made only where one of this
/// is the case.
template <std::size_t N>
class MovedParameters {
 public:
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> gradients;
  std::array<std::vector<at::Tensor>, N> moments;
  std::vector<std::size_t> places;  ///< of the parameters, in the optimizer's list

  /// Adds parameter number `place`, which has a gradient, with its moments, null where it has none.
  void add(std::size_t place, const at::Tensor& parameter, const std::array<at::Tensor*, N>& of) {
    places.push_back(place);
    auto values = parameter.detach();
    if (!values.is_non_overlapping_and_dense()) {
      values = at::empty_like(values).copy_(values);
      stand_ins_.emplace_back(parameter.detach(), values);
    }
    parameters.push_back(real_parts(values));
    gradients.push_back(real_parts(in_order_of(values, parameter.grad())));
    for (std::size_t k = 0; k < N; ++k) {
      if (of[k] == nullptr) continue;
      *of[k] = in_order_of(values, *of[k]);
      moments[k].push_back(real_parts(*of[k]));
    }
  }

  /// Behind the operators: brings what they did to where the parameters are.
  void finish() const {
    for (const auto& [parameter, values] : stand_ins_) parameter.copy_(values);
  }

 private:
  static at::Tensor in_order_of(const at::Tensor& like, const at::Tensor& tensor) {
    bool same = tensor.is_non_overlapping_and_dense() && !tensor.is_conj() && !tensor.is_neg();
    for (std::int64_t side = 0; same && side < like.dim(); ++side) {
      same = like.size(side) == 1 || like.stride(side) == tensor.stride(side);
    }
    return same ? tensor : at::empty_like(like).copy_(tensor);
  }

  std::vector<std::pair<at::Tensor, at::Tensor>> stand_ins_;  ///< parameters and dense copies
};

/// The lists of one step, one for each number type.
template <std::size_t N>
class MovedByType {
 public:
  /// The list that `parameter` belongs to.
  [[nodiscard]] MovedParameters<N>& of(const at::Tensor& parameter) {
    const auto type = c10::toRealValueType(parameter.scalar_type());
    for (auto& [known, list] : lists_) {
      if (known == type) return list;
    }
    return lists_.emplace_back(type, MovedParameters<N>()).second;
  }

  /// Calls `visit(list)` for each list, then writes back what stood in for parameters.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [type, list] : lists_) {
      visit(list);
      list.finish();
    }
  }

 private:
  std::list<std::pair<c10::ScalarType, MovedParameters<N>>> lists_;
};

}  // namespace gradus
