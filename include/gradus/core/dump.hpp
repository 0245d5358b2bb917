/// JSON as text, whatever bytes it holds.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace gradus {

/// The text of `json`; `indent` spaces a level, or one line if it is negative. Bytes that are not
/// UTF-8, say in a path, become U+FFFD, where nlohmann's own `dump()` throws.
template <class Json>
[[nodiscard]] std::string dump(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace gradus
