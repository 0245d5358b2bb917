/// Text as HTML and SVG show it.
#pragma once

#include <gradus/observe/text.hpp>

#include <string>
#include <string_view>

namespace gradus::observe {

/// `text` so that it stands for itself in an element and in a quoted attribute.
[[nodiscard]] inline std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

/// `<tag class="style">` around text that is escaped here; no attribute if `style` is empty.
[[nodiscard]] inline std::string element(const std::string& tag, std::string_view text,
                                         const std::string& style = {}) {
  const std::string attribute = style.empty() ? "" : " class=\"" + style + "\"";
  return "<" + tag + attribute + ">" + escaped(text) + "</" + tag + ">";
}

}  // namespace gradus::observe
