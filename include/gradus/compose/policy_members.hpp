/// Whether a policy has members that it does not declare as fields.
#pragma once

#include <gradus/compose/aggregate_members.hpp>
#include <gradus/compose/contract.hpp>
#include <gradus/compose/field.hpp>

#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace gradus {

namespace detail {

struct EmptyMember {
  template <class T>
    requires std::is_empty_v<T>
  constexpr operator T() const;  // NOLINT
};

template <std::size_t>
using AnyAt = AnyMember;

template <class P, std::size_t... I>
consteval bool takes_members(std::index_sequence<I...>) {
  return requires { P{AnyAt<I>{}...}; };
}
template <class P, std::size_t... I>
consteval bool is_empty_behind(std::index_sequence<I...>) {
  return requires { P{AnyAt<I>{}..., EmptyMember{}}; };
}

/// Members of the aggregate `P`, but for those without size.
template <class P, std::size_t Behind = 0>
consteval std::size_t member_count() {
  if constexpr (!takes_members<P>(std::make_index_sequence<Behind + 1>())) {
    return 0;
  } else {
    constexpr bool empty = is_empty_behind<P>(std::make_index_sequence<Behind>());
    return (empty ? 0 : 1) + member_count<P, Behind + 1>();
  }
}

template <class P>
consteval bool has_unknown_member();

/// Declared members: each field is one, and all fields of a part together.
template <class P>
struct DeclaredMembers {
  std::size_t count = 0;
  bool unknown_in_part = false;

  constexpr DeclaredMembers() {
    if constexpr (requires { P::fields(); }) {
      std::apply([&](const auto&... field) { (add(field), ...); }, P::fields());
    }
  }

 private:
  template <class T>
  constexpr void add(const Field<P, T>&) {
    ++count;
  }
  template <class Inner, class InnerField>
  constexpr void add(const PartField<P, Inner, InnerField>& field) {
    count += field.is_first ? 1 : 0;
    unknown_in_part = unknown_in_part || has_unknown_member<Inner>();
  }
};

template <class P>
consteval bool has_unknown_member() {
  constexpr DeclaredMembers<P> declared;
  return declared.unknown_in_part || member_count<P>() != declared.count;
}

}  // namespace detail

/// Whether `P` has a member that is no declared field, so that nobody can tell whether it is the
/// same in two runs, and no `fingerprint()` that says it.
template <class P>
inline constexpr bool has_unknown_member =
    detail::has_unknown_member<P>() && !requires(const P& policy) { policy.fingerprint(); };

/// "policy X of axis Y has a member that is no declared field" of the first such policy, or "".
template <class Policies>
[[nodiscard]] std::string unknown_member_policy(const Policies& policies) {
  std::string found;
  policies.for_each([&]<class P>(const P&) {
    if constexpr (has_unknown_member<P>) {
      if (!found.empty()) return;
      found = "policy " + std::string(P::name) + " of axis " + std::string(P::slot::name) +
              " has a member that is no declared field, and may be another";
    }
  });
  return found;
}

}  // namespace gradus
