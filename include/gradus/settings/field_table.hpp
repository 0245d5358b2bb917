/// A policy's numbers as a table for documentation, from its one field declaration.
#pragma once

#include <gradus/settings/dump.hpp>
#include <gradus/settings/settings.hpp>

#include <string>

namespace gradus {

/// Markdown: a row per number, with name, default, allowed values and meaning.
template <class P>
[[nodiscard]] std::string field_table(const P& policy = {}) {
  std::string table = "| number | default | takes | meaning |\n|---|---|---|---|\n";
  const auto json = policy_to_json(policy);
  for_each_field<P>([&](const auto& field) {
    using T = std::remove_cvref_t<decltype(field.of(policy))>;
    table.append("| `")
        .append(std::string_view(field.name))
        .append("` | ")
        .append(dump(json[std::string(field.name)]));
    table.append(" | ").append(allowed_values<T>(field.range));
    table.append(" | ").append(field.meaning).append(" |\n");
  });
  return table;
}

}  // namespace gradus
