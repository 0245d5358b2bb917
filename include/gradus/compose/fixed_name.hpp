/// A name put together at compile time, such as "Warmup<Cosine>" or "then.gamma".
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>

namespace gradus {

/// At most 95 letters; more are a compile error.
class FixedName {
 public:
  constexpr FixedName() = default;
  template <std::convertible_to<std::string_view>... Parts>
    requires(sizeof...(Parts) > 0)
  constexpr FixedName(const Parts&... parts) {  // NOLINT: a text is a name
    (append(parts), ...);
  }

  constexpr operator std::string_view() const { return {text_.data(), size_}; }  // NOLINT

 private:
  constexpr void append(std::string_view text) {
    for (const char letter : text) text_.at(size_++) = letter;
  }

  std::array<char, 96> text_{};
  std::size_t size_ = 0;
};

}  // namespace gradus
