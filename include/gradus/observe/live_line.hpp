/// One line of a terminal that is drawn over and over, with other lines scrolling by above it.
#pragma once

#include <gradus/observe/terminal.hpp>
#include <gradus/observe/text.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus::observe {

/// Writes escape sequences to an interactive terminal only; elsewhere `draw` does nothing. Ends the
/// line when it goes, also during an exception, so that the next message starts on its own line.
class LiveLine {
 public:
  explicit LiveLine(Terminal terminal) : terminal_(terminal) {}
  LiveLine(LiveLine&& other) noexcept
      : terminal_(other.terminal_), drawn_(std::exchange(other.drawn_, false)) {}
  LiveLine& operator=(LiveLine&&) = delete;
  ~LiveLine() {
    if (drawn_) *terminal_.stream << std::endl;
  }

  /// Replaces the line. `text` may hold colours, and must fit the width less one column.
  void draw(std::string_view text) {
    if (!terminal_.interactive) return;
    *terminal_.stream << '\r' << text << "\x1b[K" << std::flush;
    drawn_ = true;
  }

  /// Writes a line that stays, in the place of the live one.
  void say(std::string_view text) {
    erase();
    *terminal_.stream << printable(text) << std::endl;
  }

  void erase() {
    if (std::exchange(drawn_, false)) *terminal_.stream << "\r\x1b[K" << std::flush;
  }

  [[nodiscard]] const Terminal& terminal() const { return terminal_; }

 private:
  Terminal terminal_;
  bool drawn_ = false;
};

/// A part of a live line. When the line is too long, parts with the highest `rank` go first.
struct LinePart {
  std::string text;
  int rank = 0;
  std::string_view colour{};  ///< SGR parameters, such as "36"
};

/// The parts that fit `width` columns, two spaces between them, coloured if `colour`.
[[nodiscard]] inline std::string fit(std::vector<LinePart> parts, std::size_t width, bool colour) {
  const auto length = [&parts] {
    std::size_t sum = 0;
    for (const LinePart& part : parts) sum += columns(part.text) + 2;
    return sum == 0 ? 0 : sum - 2;
  };
  while (parts.size() > 1 && length() > width) {
    auto least = parts.begin();
    for (auto part = parts.begin(); part != parts.end(); ++part)
      if (part->rank >= least->rank) least = part;
    parts.erase(least);
  }
  std::string line;
  for (const LinePart& part : parts) {
    if (!line.empty()) line += "  ";
    const bool paint = colour && !part.colour.empty();
    if (paint) line.append("\x1b[").append(part.colour).append("m");
    line += clip(part.text, width);
    if (paint) line += "\x1b[0m";
  }
  return line;
}

}  // namespace gradus::observe
