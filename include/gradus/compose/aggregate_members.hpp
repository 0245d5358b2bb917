/// The members of an aggregate, found by the compiler.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>

namespace gradus::detail {

/// Stands for a value of any type when members are counted. Never defined.
struct AnyMember {
  template <class T>
  constexpr operator T() const noexcept;  // NOLINT: that is what it is for
};

template <class T, class... Members>
consteval std::size_t count_members() {
  if constexpr (sizeof...(Members) < 9 && requires { T{Members()..., AnyMember()}; }) {
    return count_members<T, Members..., AnyMember>();
  } else {
    return sizeof...(Members);
  }
}

/// References to the members of an aggregate of up to 8; none of one that has more.
template <class T>
constexpr auto tie_members(T& object) {
  constexpr auto count = count_members<std::remove_const_t<T>>();
  if constexpr (count == 1) {
    auto& [a] = object;
    return std::tie(a);
  } else if constexpr (count == 2) {
    auto& [a, b] = object;
    return std::tie(a, b);
  } else if constexpr (count == 3) {
    auto& [a, b, c] = object;
    return std::tie(a, b, c);
  } else if constexpr (count == 4) {
    auto& [a, b, c, d] = object;
    return std::tie(a, b, c, d);
  } else if constexpr (count == 5) {
    auto& [a, b, c, d, e] = object;
    return std::tie(a, b, c, d, e);
  } else if constexpr (count == 6) {
    auto& [a, b, c, d, e, f] = object;
    return std::tie(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    auto& [a, b, c, d, e, f, g] = object;
    return std::tie(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    auto& [a, b, c, d, e, f, g, h] = object;
    return std::tie(a, b, c, d, e, f, g, h);
  } else {
    return std::tuple<>();
  }
}

}  // namespace gradus::detail
