/// Compile errors that speak one sentence: text made at compile time, shown as the name of a type
/// that does not exist. No torch header is needed here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace gradus {

/// The name of `T` as the compiler writes it.
template <class T>
constexpr std::string_view type_name() {
  const std::string_view whole = __PRETTY_FUNCTION__;  // "... [with T = int; ...]", "... [T = int]"
  const auto begin = whole.find("T = ") + 4;
  const auto end = whole.find(';', begin);
  return whole.substr(begin, (end == whole.npos ? whole.size() - 1 : end) - begin);
}

/// A sentence that grows at compile time. Empty: nothing is wrong.
class Sentence {
 public:
  constexpr Sentence() = default;
  template <class... Parts>
  constexpr explicit Sentence(Parts... parts) {
    (append(parts), ...);
  }

  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr std::string_view view() const { return {text_.data(), size_}; }

  constexpr Sentence& append(std::string_view part) {
    for (const char c : part) {
      if (size_ < text_.size()) text_[size_++] = c;
    }
    return *this;
  }

  /// Up to six digits behind the point.
  constexpr Sentence& append(double number) {
    constexpr std::int64_t million = 1'000'000;
    if (number < 0) append("-");
    const auto scaled = static_cast<std::int64_t>((number < 0 ? -number : number) * million + 0.5);
    append_digits(scaled / million, 1);
    std::int64_t rest = scaled % million;
    if (rest == 0) return *this;
    std::size_t digits = 6;
    for (; rest % 10 == 0; rest /= 10) --digits;
    append(".");
    return append_digits(rest, digits);
  }

 private:
  constexpr Sentence& append_digits(std::int64_t number, std::size_t least) {
    if (number >= 10 || least > 1) append_digits(number / 10, least > 1 ? least - 1 : 1);
    const char digit = static_cast<char>('0' + number % 10);
    return append(std::string_view(&digit, 1));
  }

  std::array<char, 600> text_{};
  std::size_t size_ = 0;
};

/// A run of characters as a template argument: how a compiler prints text in the name of a type.
template <std::size_t N>
struct Words {
  char text[N];
};

/// Never defined. A compiler that is asked for its size prints the words.
template <Words... Sentence>
struct refused;

namespace detail {

#ifdef __clang__
inline constexpr std::size_t longest_words = 36;  // clang prints no more of one argument
#else
inline constexpr std::size_t longest_words = 600;
#endif

/// Cuts `Mistake::sentence` between words into runs that the compiler prints whole.
template <class Mistake>
struct Cut {
  static constexpr auto text = Mistake::sentence.view();

  static consteval std::size_t end_of(std::size_t begin) {
    if (text.size() - begin <= longest_words) return text.size();
    std::size_t end = begin + longest_words;
    while (end > begin && text[end - 1] != ' ') --end;
    return end == begin ? begin + longest_words : end;
  }
  static consteval std::size_t begin_of(std::size_t run) {
    std::size_t begin = 0;
    for (; run > 0; --run) begin = end_of(begin);
    return begin;
  }
  static consteval std::size_t count() {
    std::size_t runs = 0;
    for (std::size_t begin = 0; begin < text.size(); begin = end_of(begin)) ++runs;
    return runs;
  }
  template <std::size_t Run>
  static consteval auto words() {
    constexpr auto begin = begin_of(Run);
    constexpr auto size = end_of(begin) - begin;
    Words<size + 1> words{};
    for (std::size_t i = 0; i < size; ++i) words.text[i] = text[begin + i];
    words.text[size] = '\0';  // set by hand: clang prints text only if its zero is
    return words;
  }
  template <std::size_t... Runs>
  static auto refusal(std::index_sequence<Runs...>) -> refused<words<Runs>()...>;
};

template <class Mistake, bool Fine = Mistake::sentence.empty()>
struct Raise {};
template <class Mistake>
struct Raise<Mistake, false> {
  using Cut = detail::Cut<Mistake>;
  using Refusal = decltype(Cut::refusal(std::make_index_sequence<Cut::count()>()));
  template <class R>
  struct Show {
    static constexpr auto size = sizeof(R);
  };
  static constexpr auto size = Show<Refusal>::size;
};

}  // namespace detail

/// A base class that fails to compile with `Mistake::sentence` in the only error line, unless the
/// sentence is empty.
template <class Mistake>
struct Says : detail::Raise<Mistake> {};

}  // namespace gradus
