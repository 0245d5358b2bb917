/// Numbers and words as people read them: the same in the terminal, in Markdown and in the report,
/// and never changed by the locale.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gradus::observe {

/// `value` with exactly `decimals` digits after the point; "nan" or "inf" if it is not finite.
[[nodiscard]] inline std::string fixed(double value, int decimals) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[400];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, decimals).ptr;
  std::string text(buffer, end);
  const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
  return is_zero && text.front() == '-' ? text.substr(1) : text;
}

/// `value` in the fewest digits that read back as the same number.
[[nodiscard]] inline std::string shortest(double value) {
  if (!std::isfinite(value)) return fixed(value, 0);
  char buffer[64];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

/// `value` in so many digits at most, with a power of ten where it is very small or large.
[[nodiscard]] inline std::string in_digits(double value, int digits) {
  if (!std::isfinite(value)) return fixed(value, 0);
  char buffer[64];
  return {
      buffer,
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, digits).ptr};
}

/// Likewise in three: "0.0123", "12.3", "1.23e+04".
[[nodiscard]] inline std::string three_digits(double value) { return in_digits(value, 3); }

/// A loss or another metric with so many digits after the point, in three digits where it is so
/// small or large that these show nothing of it: "1.2044", "2.1e-05", "1.5e+20".
[[nodiscard]] inline std::string metric_text(double value, int decimals = 4) {
  const double size = std::abs(value);
  const bool is_shown = size == 0 || (size >= 1e-3 && size < 1e6) || !std::isfinite(value);
  return is_shown ? fixed(value, decimals) : three_digits(value);
}

/// 4903242 as "4,903,242".
[[nodiscard]] inline std::string grouped(std::int64_t value) {
  std::string text = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) text.insert(at -= 3, 1, ',');
  return text;
}

/// A rate such as images per second: three digits at least, none of them after the point past 100.
[[nodiscard]] inline std::string rate(double value) {
  if (!std::isfinite(value) || std::abs(value) >= 1e15) return fixed(value, 0);
  return value >= 99.95 ? grouped(std::llround(value)) : fixed(value, 1);
}

/// "07", "42".
[[nodiscard]] inline std::string two_digits(std::int64_t number) {
  return std::string(number < 10 ? "0" : "").append(std::to_string(number));
}

/// A length of time in words: "0.42 s", "4.2 s", "41 s", "5 min 44 s", "1 h 05 min".
[[nodiscard]] inline std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e12) return fixed(seconds, 0) + " s";
  if (seconds < 0.995) return fixed(seconds, 2) + " s";
  if (seconds < 9.95) return fixed(seconds, 1) + " s";
  const std::int64_t whole = std::llround(seconds);
  if (whole < 100) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + two_digits(whole % 60) + " s";
  const std::int64_t minutes = (whole + 30) / 60;
  return grouped(minutes / 60) + " h " + two_digits(minutes % 60) + " min";
}

/// A number of bytes in words: "512 MiB", "3.4 GiB".
[[nodiscard]] inline std::string memory(std::int64_t bytes) {
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  return mebibytes < 1000 ? fixed(mebibytes, 0) + " MiB" : fixed(mebibytes / 1024, 1) + " GiB";
}

/// A length of time as a clock shows it: "0:41", "12:05", "1:02:05".
[[nodiscard]] inline std::string clock_time(double seconds) {
  if (!std::isfinite(seconds) || seconds > 1e12) return "?";
  const std::int64_t whole = std::llround(std::max(0.0, seconds));
  const std::int64_t hours = whole / 3600;
  const std::int64_t minutes = whole / 60 % 60;
  return (hours > 0 ? std::to_string(hours) + ":" + two_digits(minutes) : std::to_string(minutes)) +
         ":" + two_digits(whole % 60);
}

/// A ratio in about three digits: "0.42", "1.00", "8.4", "123".
[[nodiscard]] inline std::string ratio(double value) {
  return fixed(value, value < 1.995 ? 2 : value < 99.95 ? 1 : 0);
}

/// A fraction as a percentage: 0.7342 is "73.42%" with two decimals.
[[nodiscard]] inline std::string percent(double fraction, int decimals) {
  return fixed(100 * fraction, decimals) + "%";
}

/// Bytes of memory: "812 MiB", "3.4 GiB".
[[nodiscard]] inline std::string memory_size(std::int64_t bytes) {
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  if (mebibytes < 9.95) return fixed(mebibytes, 1) + " MiB";
  if (mebibytes < 1023.5) return fixed(mebibytes, 0) + " MiB";
  return fixed(mebibytes / 1024, mebibytes < 99.95 * 1024 ? 1 : 0) + " GiB";
}

/// `text` on one line and without control characters, so that no name can move a cursor.
[[nodiscard]] inline std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    // U+0080 to U+009F, the second set of control characters, is C2 80 to C2 9F in UTF-8.
    const bool second_set =
        byte == 0xC2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F || second_set) {
      result += ' ';
      if (second_set) ++at;
    } else {
      result += text[at];
    }
  }
  return result;
}

/// Columns that UTF-8 `text` takes on a terminal, if each of its characters takes one.
[[nodiscard]] inline std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

/// The first `limit` columns of UTF-8 `text`, cut between characters.
[[nodiscard]] inline std::string clip(std::string_view text, std::size_t limit) {
  std::size_t at = 0;
  for (std::size_t taken = 0; at < text.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (starts && taken++ == limit) break;
  }
  return std::string(text.substr(0, at));
}

}  // namespace gradus::observe
