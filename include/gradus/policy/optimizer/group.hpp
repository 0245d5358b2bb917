/// A group of parameters that an optimizer treats in another way.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/compose/policy_set.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/policy/optimizer/decay.hpp>
#include <gradus/settings/name_pattern.hpp>

#include <array>
#include <string>
#include <string_view>

namespace gradus {

/// Which parameters of a pattern a group takes: all, those of two dimensions or more, or the others
/// (biases, scales and shifts of norms).
enum class GroupForm { all, weights, vectors };

constexpr std::array<std::string_view, 3> enum_names(GroupForm) {
  return {"all", "weights", "vectors"};
}

/// Whether a Group's name pattern and form select a parameter; a shared one by any of its names.
template <class G>
[[nodiscard]] bool is_in(const G& group, const NamedTensor& parameter) {
  const bool weight = group_of(parameter.tensor) == ParameterGroup::weights;
  const bool form = group.form == GroupForm::all || (group.form == GroupForm::weights) == weight;
  return form && parameter.any_name(
                     [&](const std::string& name) { return group.parameters.matches(name); });
}

/// Parameters with a rate and a weight decay of their own: factors on those of the optimizer, so
/// that a schedule moves all rates alike.
struct Group {
  NamePattern parameters;
  GroupForm form = GroupForm::all;
  double rate = 1;
  double decay = 1;

  static constexpr auto fields() {
    return fields_of(
        field("parameters", &Group::parameters, "names of the parameters"),
        field("form", &Group::form, "which of them"),
        field("rate", &Group::rate, positive(), "factor of the learning rate"),
        field("decay", &Group::decay, at_least(0), "factor of the weight decay; 0: none"));
  }

  /// The optimizer of the group, made of that of the others.
  template <class Optimizer>
  [[nodiscard]] constexpr Optimizer of(Optimizer optimizer) const {
    optimizer.lr *= rate;
    if constexpr (requires { optimizer.optimizer; }) optimizer.optimizer = of(optimizer.optimizer);
    if constexpr (requires { optimizer.weight_decay *= decay; }) optimizer.weight_decay *= decay;
    if constexpr (requires { optimizer.fallback.weight_decay *= decay; }) {  // of Muon
      optimizer.fallback.lr *= rate;
      optimizer.fallback.weight_decay *= decay;
    }
    return optimizer;
  }
  /// Of the learning rate, where that of the others is `lr`.
  [[nodiscard]] constexpr double factor(double) const { return rate; }

  template <class Optimizer>
  static constexpr bool can_decay = requires(Optimizer optimizer) {
    optimizer.weight_decay *= 1;
  } || requires(Optimizer optimizer) { optimizer.optimizer.weight_decay *= 1; };
};

/// Parameters with an optimizer of their own, whose rate keeps its proportion to that of the others
/// under any schedule.
template <class Own>
struct GroupWith {
  NamePattern parameters;
  GroupForm form = GroupForm::all;
  policy_t<Own> optimizer = PolicyTraits<Own>::values();

  static constexpr auto fields() {
    return fields_of(field("parameters", &GroupWith::parameters, "names of the parameters"),
                     field("form", &GroupWith::form, "which of them"),
                     fields_of_part("optimizer", &GroupWith::optimizer));
  }

  template <class Optimizer>
  [[nodiscard]] constexpr policy_t<Own> of(const Optimizer&) const {
    return optimizer;
  }
  [[nodiscard]] constexpr double factor(double lr) const { return optimizer.lr / lr; }
};

}  // namespace gradus
