/// A policy's numbers to and from JSON, with names and ranges checked, from its one field
/// declaration.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/error.hpp>
#include <gradus/settings/dump.hpp>
#include <gradus/settings/nearest.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace gradus {

namespace detail {

inline std::string number(double value) {
  const bool whole = std::trunc(value) == value && std::abs(value) < 1e15;
  return whole ? std::to_string(static_cast<std::int64_t>(value)) : dump(nlohmann::json(value));
}

inline std::string words(const Range& range) {
  const bool low = std::isfinite(range.low);
  const bool high = std::isfinite(range.high);
  std::string text = "a finite number";
  if (low) text += (range.low_open ? " above " : " of at least ") + number(range.low);
  if (low && high) text += " and";
  if (high) text += (range.high_open ? " below " : " at most ") + number(range.high);
  return text;
}

/// A text of bounded size that is a number of a policy: MetricName, NamePattern.
template <class T>
concept TextField = requires(const T& value) {
  std::string_view(value);
  value.text.size();
  std::string_view(T::takes);
};

inline std::string words_of_list(const Range& range) { return "a list, each " + words(range); }

template <class E>
std::string names_of_enum() {
  std::string text;
  for (const auto name : enum_names(E{})) {
    text += (text.empty() ? "'" : ", '") + std::string(name) + "'";
  }
  return text;
}

template <class T>
nlohmann::json value_to_json(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return std::string(enum_names(value).at(static_cast<std::size_t>(value)));
  } else if constexpr (TextField<T>) {
    return std::string(std::string_view(value));
  } else {
    return value;
  }
}

[[noreturn]] inline void refuse(std::string_view path, const nlohmann::json& found,
                                const std::string& expected) {
  const bool infinite = found.is_number_float() && !std::isfinite(found.get<double>());
  throw ConfigurationError(std::string(path) + " is " +
                           (infinite ? std::string("not finite") : dump(found)) +
                           ", but it takes " + expected + ".");
}

template <class T>
T value_from_json(const nlohmann::json& json, const Range& range, std::string_view path) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) refuse(path, json, "true or false");
    return json.get<bool>();
  } else if constexpr (std::is_enum_v<T>) {
    const auto names = enum_names(T{});
    for (std::size_t i = 0; json.is_string() && i < names.size(); ++i) {
      if (names.at(i) == json.get_ref<const std::string&>()) return static_cast<T>(i);
    }
    refuse(path, json, "one of " + names_of_enum<T>());
  } else if constexpr (TextField<T>) {
    const auto word = json.is_string() ? json.get<std::string>() : std::string();
    const bool fits = !word.empty() && word.size() < T().text.size();
    if (!fits || word.find(' ') != word.npos) refuse(path, json, std::string(T::takes));
    return T(word);
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    if (!json.is_array()) refuse(path, json, words_of_list(range));
    T values;
    for (const auto& value : json) {
      if (!value.is_number() || !range.holds(value.get<double>())) {
        refuse(path, json, words_of_list(range));
      }
      values.push_back(value.get<double>());
    }
    return values;
  } else if constexpr (std::is_integral_v<T>) {
    const bool fits =
        !json.is_number_unsigned() ||
        json.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    if (!json.is_number_integer() || !fits || !range.holds(json.get<double>())) {
      auto expected = words(range);
      refuse(path, json, expected.replace(2, 13, "whole number"));
    }
    return json.get<T>();
  } else {
    static_assert(
        std::is_same_v<T, double>,
        "a field is a double, an integer, a bool, an enum, a MetricName, a NamePattern or a "
        "vector of doubles");
    if (!json.is_number() || !range.holds(json.get<double>())) refuse(path, json, words(range));
    return json.get<double>();
  }
}

}  // namespace detail

/// What a number of type `T` takes, in words: "a finite number above 0".
template <class T>
std::string allowed_values(const Range& range) {
  if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (std::is_enum_v<T>) {
    return "one of " + detail::names_of_enum<T>();
  } else if constexpr (detail::TextField<T>) {
    return std::string(T::takes);
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    return detail::words_of_list(range);
  } else if constexpr (std::is_integral_v<T>) {
    return detail::words(range).replace(2, 13, "whole number");
  } else {
    return detail::words(range);
  }
}

/// Calls `visit(field)` for each number of policy `P`, in the order of declaration.
template <class P, class Visit>
void for_each_field(Visit&& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, P::fields());
}

/// The names of a policy's numbers, in the order of declaration.
template <class P>
std::vector<std::string> field_names() {
  std::vector<std::string> names;
  for_each_field<P>([&](const auto& field) { names.emplace_back(field.name); });
  return names;
}

/// {"policy": name, field: value, ...}
template <class P>
nlohmann::ordered_json policy_to_json(const P& policy) {
  nlohmann::ordered_json json{{"policy", std::string(P::name)}};
  for_each_field<P>([&](const auto& field) {
    json[std::string(field.name)] = detail::value_to_json(field.of(policy));
  });
  return json;
}

/// {field: value, ...} where nobody sets any.
template <class P>
nlohmann::ordered_json unset_to_json() {
  auto json = nlohmann::ordered_json::object();
  for_each_field<P>([&](const auto& field) {
    json[std::string(field.name)] = detail::value_to_json(field.unset());
  });
  return json;
}

/// Sets one number by its name. Throws ConfigurationError for an unknown name, a wrong type, a
/// value out of range.
template <class P>
void set_field(P& policy, const std::string& name, const nlohmann::json& value) {
  const std::string axis(P::slot::name);
  bool found = false;
  for_each_field<P>([&](const auto& field) {
    if (std::string_view(field.name) != name) return;
    found = true;
    using T = std::remove_reference_t<decltype(field.of(policy))>;
    field.of(policy) = detail::value_from_json<T>(value, field.range, axis + "." + name);
  });
  if (found) return;
  const auto begin = "'" + axis + "." + name + "' is not a setting of " + std::string(P::name);
  const auto known = field_names<P>();
  throw ConfigurationError(
      begin + (known.empty() ? ", which has no settings; leave it out." : suggestion(name, known)));
}

/// Refuses numbers out of range, wherever they were set. Throws ConfigurationError.
template <class P>
void check_fields(const P& policy) {
  for_each_field<P>([&](const auto& field) {
    using T = std::remove_cvref_t<decltype(field.of(policy))>;
    if constexpr (!std::is_enum_v<T>) {
      const auto path = std::string(P::slot::name) + "." + std::string(field.name);
      detail::value_from_json<T>(detail::value_to_json(field.of(policy)), field.range, path);
    }
  });
}

}  // namespace gradus
