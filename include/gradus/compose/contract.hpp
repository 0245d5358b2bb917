/// What an axis demands of its policies, member by member: the source of its concept and of the
/// sentence that a policy which misses it gets. No torch header is needed here.
#pragma once

#include <gradus/compose/refusal.hpp>
#include <gradus/compose/slot.hpp>

#include <string_view>
#include <type_traits>

namespace gradus {

/// One member: whether it is there, and whether its type is exactly the declared one.
struct Member {
  std::string_view name;
  std::string_view declaration;  ///< as it is to be written in the policy
  bool present = false;
  bool fits = false;
  bool required = true;  ///< else it may be left out, but not be different
};

/// Specialised in `policy/<axis>/concept.hpp`, with `static constexpr std::array members` of
/// Member. An axis without a contract is an extension: its policies act through hooks.
template <class Slot, class P>
struct Contract;

/// A policy whose axis has a Contract. Any other is an extension, which acts through hooks alone.
template <class P>
concept UnderContract = requires { Contract<typename P::slot, P>::members; };

/// Stands in for the run state of a policy that has none.
struct NoState {};

namespace detail {

template <class P>
struct StateOf {
  using type = NoState;
};
template <class P>
  requires requires { typename P::State; }
struct StateOf<P> {
  using type = typename P::State;
};

}  // namespace detail

/// A policy's nested `State`, or NoState.
template <class P>
using state_of = typename detail::StateOf<P>::type;

/// The first member of the contract that `P` misses, as a sentence; empty if it meets all.
template <UnderContract P>
consteval Sentence contract_mistake() {
  for (const auto& member : Contract<typename P::slot, P>::members) {
    if (member.fits || (!member.present && !member.required)) continue;
    return Sentence("policy ", type_name<P>(), " of axis ", P::slot::name,
                    member.present ? " has a wrong `" : " has no `", member.name,
                    member.present ? "`; declare it `" : "`; add `", member.declaration, "`.");
  }
  return {};
}

/// Whether `P` has every member that its axis demands, exactly typed.
template <class P, class Slot>
concept Fulfils = PolicyOf<P, Slot> && UnderContract<P> &&
                  std::bool_constant<contract_mistake<P>().empty()>::value;

}  // namespace gradus
