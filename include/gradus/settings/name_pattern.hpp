/// A pattern of names as a number of a policy: "layer1.*", "*.bias", "embedding.*|head.*".
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace gradus {

/// Which parameters, by their dotted names: `*` stands for any letters, dots as well, `?` for one,
/// `|` parts alternatives. The whole name must match. At most 95 letters; more are a compile error.
struct NamePattern {
  std::array<char, 96> text{"*"};

  static constexpr std::string_view takes =
      "a pattern of parameter names, one word such as 'layer1.*'";

  constexpr NamePattern() = default;
  constexpr NamePattern(std::string_view pattern) : text{} {  // NOLINT: a text is a pattern
    for (std::size_t i = 0; i < pattern.size(); ++i) text.at(i) = pattern[i];
    text.at(pattern.size()) = '\0';
  }
  constexpr NamePattern(const char* pattern) : NamePattern(std::string_view(pattern)) {}  // NOLINT
  constexpr operator std::string_view() const { return {text.data()}; }                   // NOLINT

  [[nodiscard]] constexpr bool matches(std::string_view name) const {
    std::string_view rest = *this;
    while (true) {
      const auto end = rest.find('|');
      if (matches_one(rest.substr(0, end), name)) return true;
      if (end == rest.npos) return false;
      rest.remove_prefix(end + 1);
    }
  }

  friend constexpr bool operator==(const NamePattern&, const NamePattern&) = default;

 private:
  /// Goes back to the last star alone, so that it takes no more than length times length steps.
  static constexpr bool matches_one(std::string_view pattern, std::string_view name) {
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = pattern.npos;
    std::size_t taken = 0;  // by the star
    while (n < name.size()) {
      if (p < pattern.size() && pattern[p] == '*') {
        star = p++;
        taken = n;
      } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
        ++p;
        ++n;
      } else if (star != pattern.npos) {
        p = star + 1;
        n = ++taken;
      } else {
        return false;
      }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
  }
};

}  // namespace gradus
