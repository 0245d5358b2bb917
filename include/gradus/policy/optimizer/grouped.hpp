/// An optimizer whose parameters are divided into groups.
#pragma once

#include <gradus/compose/averaging_mistakes.hpp>
#include <gradus/compose/field.hpp>
#include <gradus/compose/policy_set.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/group.hpp>
#include <gradus/policy/optimizer/group_list.hpp>
#include <gradus/policy/optimizer/state_place.hpp>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus {

/// When to use: fine-tuning with a small rate for what is loaded and a large one for what is new;
/// no weight decay for norms; another optimizer for some layers.
///
///     Grouped<AdamW, Group{.parameters = "fc.*", .rate = 10},
///                    Group{.parameters = "layer*", .form = GroupForm::vectors, .decay = 0}>
///     Grouped<Muon, GroupWith<AdamW>{.parameters = "*embedding*"}>
///
/// `Optimizer` (or a Preset of one) steps what no group takes, and gives groups their numbers. A
/// parameter that two groups take, or a group that takes none, is a ConfigurationError. Settings
/// call the groups group1, group2, ...: `--set optimizer.group1.rate=5`.
template <class Optimizer, auto... Groups>
struct Grouped {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Grouped";
  using Base = policy_t<Optimizer>;
  using List = detail::GroupList<1, std::remove_cvref_t<decltype(Groups)>...>;

  double lr = PolicyTraits<Optimizer>::values().lr;
  Base optimizer = PolicyTraits<Optimizer>::values();  ///< its own `lr` is not looked at
  List groups = List::of(Groups...);

  static constexpr auto fields() {
    return fields_of(field("lr", &Grouped::lr, positive_float(), "learning rate"),
                     detail::fields_but_lr(&Grouped::optimizer),
                     detail::fields_but_lr(&Grouped::groups));
  }

  /// Factors that would do nothing, and what the optimizers find.
  [[nodiscard]] constexpr std::string_view mistake() const {
    std::string_view found;
    visit([&](const auto& own) {
      if constexpr (requires { own.mistake(); }) {
        if (found.empty()) found = own.mistake();
      }
    });
    if (!found.empty()) return found;
    bool silent = false;
    if constexpr (!Group::template can_decay<Base>) {
      groups.visit([&](const auto& group) {
        if constexpr (requires { group.decay; }) silent = silent || group.decay != 1;
      });
    }
    return silent ? "a group changes the weight decay, but the optimizer has none" : "";
  }

  struct State {
    std::vector<std::int64_t> members;  ///< the group of each parameter, from 1; 0: none
    typename detail::GroupStates<Base, List>::type parts;
    std::vector<at::Tensor> parameters{};
  };

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    auto members = detail::members_of(groups, parameters);
    auto parts = std::tuple_cat(std::tuple(base().start(detail::part_of(parameters, members, 0))),
                                detail::start_groups(base(), groups, members, parameters));
    State state{std::move(members), std::move(parts)};
    for (const auto& parameter : parameters) state.parameters.push_back(parameter.tensor);
    return state;
  }

  [[nodiscard]] constexpr bool has_momentum() const { return optimizer.has_momentum(); }
  [[nodiscard]] constexpr bool steps_on_device() const
    requires(requires(const Base& base) { base.steps_on_device(); })
  {
    bool all = true;
    visit([&](const auto& own) {
      if constexpr (requires { own.steps_on_device(); }) {
        all = all && own.steps_on_device();
      } else {
        all = false;
      }
    });
    return all;
  }

  void save(const State& state, StateDict& to) const {
    auto members = at::empty({static_cast<std::int64_t>(state.members.size())}, at::kLong);
    std::copy(state.members.begin(), state.members.end(), members.mutable_data_ptr<std::int64_t>());
    to.put("members", members);
    std::size_t number = 0;
    each(state, [&](const auto& own, const auto& part, double) {
      to.put_under("group" + std::to_string(number++), [&](StateDict& of) { own.save(part, of); });
    });
  }
  void load(State& state, const StateDict& from) const {
    const auto members = from.copy("members");
    const auto* saved = members.const_data_ptr<std::int64_t>();
    if (!std::equal(state.members.begin(), state.members.end(), saved, saved + members.numel())) {
      throw CheckpointError(
          "the saved state has its parameters in other groups than this run's optimizer; resume "
          "the configuration that it came from.");
    }
    std::size_t number = 0;
    each(state, [&](const auto& own, auto& part, double) {
      const auto of = from.part("group" + std::to_string(number++));
      own.load(part, of);
      of.refuse_unread();
    });
  }

  /// Each group numbers its own.
  [[nodiscard]] std::optional<std::size_t> place_of(const State& state,
                                                    std::string_view entry) const {
    std::optional<std::size_t> found;
    std::int64_t number = 0;
    each(state, [&](const auto& own, const auto& part, double) {
      const auto before = "group" + std::to_string(number) + "/";
      const auto within = entry.starts_with(before)
                              ? place_of_entry(own, part, entry.substr(before.size()))
                              : std::nullopt;
      auto left = within.value_or(0);
      for (std::size_t place = 0; within && place < state.members.size(); ++place) {
        if (state.members[place] == number && left-- == 0) {
          found = place;
          break;
        }
      }
      ++number;
    });
    return found;
  }

  /// Those of the optimizers that have some; of other parameters the weights themselves.
  [[nodiscard]] std::vector<at::Tensor> averages(const State& state) const
    requires(has_own_averages<Base> ||
             (has_own_averages<decltype(Groups.of(std::declval<const Base&>()))> || ...))
  {
    std::vector<at::Tensor> all(state.parameters.size());
    bool found = false;
    std::int64_t number = 0;
    each(state, [&](const auto& own, const auto& part, double) {
      std::vector<at::Tensor> of;
      if constexpr (requires { own.averages(part); }) of = own.averages(part);
      found = found || !of.empty();
      auto next = of.begin();
      for (std::size_t place = 0; place < all.size(); ++place) {
        if (state.members[place] != number) continue;
        all[place] = of.empty() ? state.parameters[place].detach() : *next++;
      }
      ++number;
    });
    return found ? all : std::vector<at::Tensor>();
  }

  void restart(State& state) const {
    each(state, [&](const auto& own, auto& part, double) {
      if constexpr (requires { own.restart(part); }) own.restart(part);
    });
  }

  void step(State& state, const Rates& rates) const {
    each(state, [&](const auto& own, auto& part, double factor) {
      own.step(part, {rates.learning_rate * factor, momentum_for(own, rates)});
    });
  }

  void step_on_device(State& state, const Rates& rates, const at::Tensor& learning_rate,
                      const at::Tensor& found_inf) const
    requires(requires { &Base::step_on_device; })
  {
    each(state, [&](const auto& own, auto& part, double factor) {
      if constexpr (requires { own.step_on_device(part, rates, learning_rate, found_inf); }) {
        own.step_on_device(part, {rates.learning_rate * factor, momentum_for(own, rates)},
                           factor == 1 ? learning_rate : learning_rate * factor, found_inf);
      }
    });
  }

 private:
  [[nodiscard]] constexpr Base base() const {
    auto own = optimizer;
    own.lr = lr;
    return own;
  }

  template <class Own>
  static std::optional<double> momentum_for(const Own& own, const Rates& rates) {
    return own.has_momentum() ? rates.momentum : std::nullopt;
  }

  /// Calls `see(optimizer)` for that of the rest, then for that of each group.
  template <class See>
  constexpr void visit(See see) const {
    see(base());
    groups.visit([&](const auto& group) { see(group.of(base())); });
  }
  /// Calls `see(optimizer, part, factor)` likewise, with its run state and the factor of its rate.
  template <class S, class See>
  void each(S& state, See see) const {
    const auto of_group = [&](const auto& group, auto& part) {
      see(group.of(base()), part, group.factor(lr));
    };
    std::apply(
        [&](auto& rest, auto&... parts) {
          see(base(), rest, 1.0);
          detail::each_with(groups, of_group, parts...);
        },
        state.parts);
  }
};

}  // namespace gradus
