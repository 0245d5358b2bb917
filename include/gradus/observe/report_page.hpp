/// The frame of an HTML page that needs nothing else: head, style, what is shown.
#pragma once

#include <gradus/observe/html.hpp>
#include <gradus/observe/report_style.hpp>

#include <cstdint>
#include <ctime>
#include <string>

namespace gradus::observe {

/// Between two readings of a page that is unfinished.
inline constexpr std::int64_t reload_seconds = 10;

/// Local date and time, as in "2026-12-01 14:05:12".
[[nodiscard]] inline std::string clock_now() {
  const auto time = std::time(nullptr);
  std::tm local{};
  localtime_r(&time, &local);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local)};
}

/// A page in parts. `header`, `main` and `footer` are HTML; the others are text.
struct Page {
  std::string kicker{};  ///< what sort of page it is, above the headline
  std::string title{};   ///< the headline
  std::string header{};  ///< under the headline
  std::string main{};
  std::string footer{};
  std::int64_t reload_seconds = 0;  ///< a browser loads it again after so many; 0: never
};

/// The page as a whole. It loads nothing and runs no script.
[[nodiscard]] inline std::string page_html(const Page& page) {
  const std::string reload = page.reload_seconds > 0
                                 ? "<meta http-equiv=\"refresh\" content=\"" +
                                       std::to_string(page.reload_seconds) + "\">\n"
                                 : "";
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" "
         "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n" +
         reload + element("title", page.title) + "\n<style>" + std::string(report_style) +
         "</style>\n</head>\n<body>\n<header>\n" + element("p", page.kicker, "kicker") +
         element("h1", page.title) + page.header + "</header>\n<main>\n" + page.main +
         "</main>\n<footer>" + page.footer + "</footer>\n</body>\n</html>\n";
}

}  // namespace gradus::observe
