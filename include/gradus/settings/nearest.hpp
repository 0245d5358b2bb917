/// The known name nearest to a mistyped one, for sentences such as "did you mean ...?".
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// Edit distance (Levenshtein 1966); insertions, deletions and substitutions count one each.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

/// The one of `known` that `name` may be a slip of; nothing if none is near.
inline std::optional<std::string> nearest(std::string_view name,
                                          const std::vector<std::string>& known) {
  const auto near = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return edit_distance(name, a) < edit_distance(name, b);
  });
  if (near == known.end()) return std::nullopt;
  if (edit_distance(name, *near) > std::max<std::size_t>(2, near->size() / 3)) return std::nullopt;
  return *near;
}

/// "; did you mean 'x'?" with the nearest of `known`, or "; known are a, b, c" if none is near.
inline std::string suggestion(std::string_view name, const std::vector<std::string>& known) {
  if (known.empty()) return "; there are none";
  if (const auto near = nearest(name, known)) return "; did you mean '" + *near + "'?";
  std::string list;
  for (const auto& k : known) list += (list.empty() ? "" : ", ") + k;
  return "; known are " + list;
}

}  // namespace gradus
