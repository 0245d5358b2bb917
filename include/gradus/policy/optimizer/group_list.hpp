/// The groups of an optimizer as one member of a policy, and their run states.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/optimizer/group.hpp>
#include <gradus/settings/nearest.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus::detail {

/// Groups of any types, the first of number `Number`. A structure of structures, so that a Preset
/// can hold it.
template <std::size_t Number, class... Gs>
struct GroupList {
  static constexpr GroupList of() { return {}; }
  static constexpr auto fields() { return no_fields; }
  template <class See>
  constexpr void visit(See) const {}
};

/// The number of the first field that is not "lr".
template <class Fields>
constexpr std::size_t first_but_lr(const Fields& fields) {
  std::size_t first = 0;
  bool found = false;
  std::apply(
      [&](const auto&... field) {
        ((found = found || std::string_view(field.name) != "lr", first += found ? 0 : 1), ...);
      },
      fields);
  return first;
}

/// The fields of a part under their own names, without its learning rate: `lr` is the whole's.
template <class P, class Part>
constexpr auto fields_but_lr(Part P::* part) {
  constexpr auto inner = Part::fields();
  constexpr std::size_t first = first_but_lr(inner);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    [[maybe_unused]] const auto one = [&]<std::size_t K>(std::integral_constant<std::size_t, K>) {
      constexpr auto field = std::get<K>(inner);
      using F = std::remove_cvref_t<decltype(field)>;
      if constexpr (std::string_view(field.name) == "lr") {
        return std::tuple<>();
      } else {
        return std::tuple<PartField<P, Part, F>>{
            PartField<P, Part, F>{field.name, part, field, field.range, field.meaning, K == first}};
      }
    };
    return std::tuple_cat(one(std::integral_constant<std::size_t, I>())...);
  }(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(inner)>>>());
}

template <std::size_t Number, class G, class... Rest>
struct GroupList<Number, G, Rest...> {
  using Others = GroupList<Number + 1, Rest...>;

  G first{};
  Others others{};

  static constexpr GroupList of(const G& group, const Rest&... rest) {
    return {group, Others::of(rest...)};
  }

  static constexpr auto fields() {
    constexpr char digits[] = {'g', 'r', 'o', 'u', 'p', static_cast<char>('0' + Number)};
    static_assert(Number < 10, "gradus: Grouped takes nine groups at most.");
    return fields_of(fields_of_part(std::string_view(digits, 6), &GroupList::first),
                     fields_but_lr(&GroupList::others));
  }

  template <class See>
  constexpr void visit(See see) const {
    see(first);
    others.visit(see);
  }
};

/// "layer1.*" for all that begin so: patterns that would take something.
inline std::vector<std::string> patterns_of(const std::vector<NamedTensor>& parameters) {
  std::vector<std::string> patterns;
  const auto add = [&](const std::string& name) {
    const auto dot = name.find('.');
    const auto pattern = dot == std::string::npos ? name : name.substr(0, dot) + ".*";
    if (patterns.empty() || patterns.back() != pattern) patterns.push_back(pattern);
  };
  for (const auto& parameter : parameters) {
    add(parameter.name);
    for (const auto& name : parameter.other_names) add(name);
  }
  return patterns;
}

/// The group of each parameter, from 1; 0 where there is none. Throws ConfigurationError for a
/// group without parameters, and a parameter in two.
template <class List>
std::vector<std::int64_t> members_of(const List& groups,
                                     const std::vector<NamedTensor>& parameters) {
  std::vector<std::int64_t> members(parameters.size(), 0);
  std::int64_t number = 0;
  groups.visit([&](const auto& group) {
    ++number;
    const std::string pattern(std::string_view(group.parameters));
    bool found = false;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (!is_in(group, parameters[i])) continue;
      if (members[i] != 0) {
        const auto& others = parameters[i].other_names;
        throw ConfigurationError("parameter '" + parameters[i].name + "'" +
                                 (others.empty() ? "" : " (also '" + others.front() + "')") +
                                 " is in group" + std::to_string(members[i]) + " and group" +
                                 std::to_string(number) + " ('" + pattern +
                                 "') of the optimizer; let the patterns tell them apart.");
      }
      members[i] = number;
      found = true;
    }
    if (found) return;
    throw ConfigurationError("group" + std::to_string(number) + " of the optimizer, '" + pattern +
                             "', takes no parameter of the model" +
                             suggestion(pattern, patterns_of(parameters)));
  });
  return members;
}

template <class Base, class List>
struct GroupStates;
template <class Base, std::size_t Number, class... Gs>
struct GroupStates<Base, GroupList<Number, Gs...>> {
  template <class G>
  using Own = decltype(std::declval<const G&>().of(std::declval<const Base&>()));
  using type = std::tuple<typename Base::State, typename Own<Gs>::State...>;
};

/// Calls `see(group, part)` for each group with its part of `parts`.
template <class List, class See>
constexpr void each_with(const List&, See) {}
template <class List, class See, class Part, class... Parts>
constexpr void each_with(const List& groups, See see, Part& part, Parts&... parts) {
  see(groups.first, part);
  each_with(groups.others, see, parts...);
}

inline std::vector<NamedTensor> part_of(const std::vector<NamedTensor>& parameters,
                                        const std::vector<std::int64_t>& members,
                                        std::int64_t group) {
  std::vector<NamedTensor> part;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (members[i] == group) part.push_back(parameters[i]);
  }
  return part;
}

/// The run states of the groups, in order.
template <class Base, std::size_t Number, class... Gs>
auto start_groups([[maybe_unused]] const Base& base,
                  [[maybe_unused]] const GroupList<Number, Gs...>& groups,
                  [[maybe_unused]] const std::vector<std::int64_t>& members,
                  [[maybe_unused]] const std::vector<NamedTensor>& parameters) {
  if constexpr (sizeof...(Gs) == 0) {
    return std::tuple<>();
  } else {
    const auto part = part_of(parameters, members, static_cast<std::int64_t>(Number));
    return std::tuple_cat(std::tuple(groups.first.of(base).start(part)),
                          start_groups(base, groups.others, members, parameters));
  }
}

}  // namespace gradus::detail
