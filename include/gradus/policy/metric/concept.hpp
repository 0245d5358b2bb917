/// The metric axis, which takes several policies: what an evaluation tells beside the loss.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>
#include <optional>
#include <string>

namespace gradus {

/// A metric is a tally that adds up.
///
/// - `tally(output, target)` of one batch, on its device: a tensor of any shape, int64 or float64,
///   the same in each batch. The tally of a set is the sum of those of its batches, so that parts
///   of it can be counted anywhere. It does not wait for the device.
/// - `value(tally)` is the figure, from a tally on the CPU; absent where it is over nothing.
/// - `label` is what it is called in records, files and monitors: "f1_macro". One word.
/// - `higher_is_better` is the direction for who monitors it.
///
/// Optional:
/// - `values(tally)`, float64 on the CPU, any shape: figures for each class, a matrix.
/// - `form_mistake(output, target)` says why it cannot compare tensors of such shapes and types, as
///   a clause, or "". It reads no values. Asked before the first step.
template <class P>
struct Contract<slot::metric, P> {
  using Tally = at::Tensor (P::*)(const at::Tensor&, const at::Tensor&) const;
  using Value = std::optional<double> (P::*)(const at::Tensor&) const;
  using Values = at::Tensor (P::*)(const at::Tensor&) const;
  using Mistake = std::string (P::*)(const at::Tensor&, const at::Tensor&) const;

  static constexpr std::array members{
      Member{"label", "static constexpr std::string_view label = \"...\";",
             (requires { P::label; }), (requires { std::string_view(P::label); })},
      Member{"higher_is_better", "static constexpr bool higher_is_better = true;", (requires {
               P::higher_is_better;
             }), (requires { static_cast<const bool*>(&P::higher_is_better); })},
      Member{"tally", "at::Tensor tally(const at::Tensor& output, const at::Tensor& target) const",
             (requires { &P::tally; }), (requires { static_cast<Tally>(&P::tally); })},
      Member{"value", "std::optional<double> value(const at::Tensor& tally) const",
             (requires { &P::value; }), (requires { static_cast<Value>(&P::value); })},
      Member{"values", "at::Tensor values(const at::Tensor& tally) const",
             (requires { &P::values; }), (requires { static_cast<Values>(&P::values); }), false},
      Member{"form_mistake",
             "std::string form_mistake(const at::Tensor& output, const at::Tensor& target) const",
             (requires { &P::form_mistake; }),
             (requires { static_cast<Mistake>(&P::form_mistake); }), false},
  };
};

/// A policy of the metric axis: it has every member that `Contract<slot::metric, P>` lists.
template <class P>
concept MetricPolicy = Fulfils<P, slot::metric>;

}  // namespace gradus
