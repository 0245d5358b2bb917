/// The one declaration of a policy's numbers: name, member, range and meaning. JSON, `--set`, range
/// checks, `describe()` and the documentation tables are all made from it (settings/settings.hpp).
#pragma once

#include <gradus/compose/fixed_name.hpp>

#include <limits>
#include <string_view>
#include <tuple>
#include <utility>

namespace gradus {

/// Which values a number may take. Not finite is never allowed.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;   ///< `low` itself is refused
  bool high_open = false;  ///< `high` itself is refused

  [[nodiscard]] constexpr bool holds(double value) const {
    const bool above = low_open ? value > low : value >= low;
    const bool below = high_open ? value < high : value <= high;
    return above && below && value <= std::numeric_limits<double>::max() &&
           value >= std::numeric_limits<double>::lowest();
  }
};

/// Any finite number.
constexpr Range any_number() { return {}; }
/// (0, infinity).
constexpr Range positive() { return {.low = 0, .low_open = true}; }
/// (0, 1e38]: what a float32 kernel can take.
constexpr Range positive_float() { return {.low = 0, .high = 1e38, .low_open = true}; }
/// [low, infinity).
constexpr Range at_least(double low) { return {.low = low}; }
/// [low, high].
constexpr Range between(double low, double high) { return {.low = low, .high = high}; }
/// [0, 1): a moment's decay, a smoothing, ...
constexpr Range fraction() { return {.low = 0, .high = 1, .high_open = true}; }

/// One number of a policy `P`. `T` is double, std::int64_t, bool, an enum whose values count from 0
/// and whose names a function `enum_names(T)`, found by its argument, returns as an array; a
/// MetricName or NamePattern; or std::vector<double>, which a Preset cannot hold, of which each is
/// in the range.
template <class P, class T>
struct Field {
  FixedName name;  ///< as in `axis.name=value`
  T P::* member;
  Range range;
  std::string_view meaning;  ///< with its unit

  /// The number itself.
  constexpr T& of(P& policy) const { return policy.*member; }
  constexpr const T& of(const P& policy) const { return policy.*member; }
  /// What it is where nobody sets it.
  [[nodiscard]] constexpr T unset() const { return P{}.*member; }
};

/// One number of a policy `Inner` that is a part of policy `P`.
template <class P, class Inner, class InnerField>
struct PartField {
  FixedName name;
  Inner P::* part;
  InnerField inner;
  Range range;
  std::string_view meaning;
  bool is_first = false;  ///< of the fields of this part

  constexpr auto& of(P& policy) const { return inner.of(policy.*part); }
  constexpr const auto& of(const P& policy) const { return inner.of(policy.*part); }
  /// What it is in an `Inner` where nobody sets it, whatever `P` sets there.
  [[nodiscard]] constexpr auto unset() const { return inner.unset(); }
};

template <class P, class T>
constexpr Field<P, T> field(std::string_view name, T P::* member, Range range,
                            std::string_view meaning) {
  return {name, member, range, meaning};
}

/// For switches and enums, which have no range.
template <class P, class T>
constexpr Field<P, T> field(std::string_view name, T P::* member, std::string_view meaning) {
  return {name, member, any_number(), meaning};
}

/// All numbers of a policy that is the member `part`, called "name.number".
template <class P, class Inner>
constexpr auto fields_of_part(std::string_view name, Inner P::* part) {
  return std::apply(
      [&]<class... F>(const F&... field) {
        [[maybe_unused]] bool first = true;  // unused where the part has no fields
        return std::tuple<PartField<P, Inner, F>...>{
            PartField<P, Inner, F>{FixedName(name, ".", field.name), part, field, field.range,
                                   field.meaning, std::exchange(first, false)}...};
      },
      Inner::fields());
}

namespace detail {

template <class F>
constexpr std::tuple<F> as_fields(const F& field) {
  return {field};
}
template <class... F>
constexpr std::tuple<F...> as_fields(const std::tuple<F...>& fields) {
  return fields;
}

}  // namespace detail

/// All numbers of a policy, given by `field` and `fields_of_part`. `return no_fields;` for one that
/// has none.
template <class... F>
constexpr auto fields_of(const F&... fields) {
  if constexpr ((requires { fields.meaning; } && ...)) {
    return std::tuple<F...>(fields...);  // without std::tuple_cat, which compiles slowly
  } else {
    return std::tuple_cat(detail::as_fields(fields)...);
  }
}

inline constexpr std::tuple<> no_fields{};

}  // namespace gradus
