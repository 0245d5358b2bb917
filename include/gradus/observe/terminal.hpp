/// Where lines are shown, and what may be written there.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <ostream>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gradus::observe {

/// An output stream with its abilities. The default is what any stream can take: plain ASCII lines.
struct Terminal {
  std::ostream* stream = nullptr;
  int descriptor = -1;       ///< asked for its width at every call; -1: `columns` holds
  bool interactive = false;  ///< a line may be redrawn: escape sequences are understood
  bool colour = false;       ///< interactive, and NO_COLOR is unset or empty (no-color.org)
  bool unicode = false;      ///< interactive, and the locale is UTF-8
  int columns = 80;

  /// What can be written to `stream`, which writes to `descriptor`.
  [[nodiscard]] static Terminal of(std::ostream& stream, int descriptor) {
    Terminal terminal{.stream = &stream, .descriptor = descriptor};
    terminal.interactive = ::isatty(descriptor) == 1 && variable("TERM") != "dumb";
    terminal.colour = terminal.interactive && variable("NO_COLOR").empty();
    terminal.unicode = terminal.interactive && locale_is_utf8();
    return terminal;
  }

  [[nodiscard]] static Terminal standard_error() { return of(std::cerr, STDERR_FILENO); }
  [[nodiscard]] static Terminal standard_output() { return of(std::cout, STDOUT_FILENO); }

  /// Columns at this moment.
  [[nodiscard]] int width() const {
    winsize size{};
    if (descriptor >= 0 && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
      return size.ws_col;
    return columns;
  }

 private:
  [[nodiscard]] static std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view() : std::string_view(value);
  }

  /// POSIX: the first of these that is not empty decides.
  [[nodiscard]] static bool locale_is_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
      std::string value(variable(name));
      if (value.empty()) continue;
      std::transform(value.begin(), value.end(), value.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
    }
    return false;
  }
};

}  // namespace gradus::observe
