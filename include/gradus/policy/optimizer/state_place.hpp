/// Which parameter an entry of an optimizer's saved state belongs to.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

namespace gradus {

/// The number behind the last dot of "first_moment.3"; nothing where there is none.
[[nodiscard]] inline std::optional<std::size_t> number_behind_dot(std::string_view entry) {
  const auto dot = entry.rfind('.');
  std::size_t number = 0;
  if (dot == std::string_view::npos) return std::nullopt;
  const auto* end = entry.data() + entry.size();
  const auto [read, error] = std::from_chars(entry.data() + dot + 1, end, number);
  return error == std::errc() && read == end ? std::optional(number) : std::nullopt;
}

/// Likewise as the number of one of `places`.
[[nodiscard]] inline std::optional<std::size_t> place_among(const std::vector<std::size_t>& places,
                                                            std::string_view entry) {
  const auto number = number_behind_dot(entry);
  return number && *number < places.size() ? std::optional(places[*number]) : std::nullopt;
}

/// The place of a parameter in the list that `policy` was started with: what the policy says, else
/// what the entry's name ends in. Nothing for an entry of no parameter.
template <class P, class State>
[[nodiscard]] std::optional<std::size_t> place_of_entry(const P& policy, const State& state,
                                                        std::string_view entry) {
  if constexpr (requires { policy.place_of(state, entry); }) {
    return policy.place_of(state, entry);
  } else {
    return number_behind_dot(entry);
  }
}

}  // namespace gradus
