/// JSON as text, whatever bytes it holds.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace gradus {

/// The text of `json`; `indent` spaces a level, or one line if it is negative. Bytes that are not
/// UTF-8, say in a path, become U+FFFD, where nlohmann's own `dump()` throws.
template <class Json>
[[nodiscard]] std::string dump(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// The value, or null where it is absent.
[[nodiscard]] inline nlohmann::ordered_json or_null(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace gradus
