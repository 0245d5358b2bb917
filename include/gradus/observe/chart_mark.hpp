/// The signs that tell the runs of a chart apart.
#pragma once

#include <gradus/observe/text.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace gradus::observe {

inline constexpr std::size_t colour_count = 7;
inline constexpr std::size_t mark_count = 6;

/// The mark of `style` around (x, y), `r` its radius in pixels. Colours and marks repeat after 7
/// and 6, so 42 styles differ.
[[nodiscard]] inline std::string mark(std::size_t style, double x, double y, double r) {
  const auto point = [&](double dx, double dy) {
    return fixed(x + r * dx, 1) + " " + fixed(y + r * dy, 1);
  };
  std::string path("M");
  path += point(-1, 0) + "a" + fixed(r, 1) + " " + fixed(r, 1) + " 0 1 0 " + fixed(2 * r, 1) +
          " 0a" + fixed(r, 1) + " " + fixed(r, 1) + " 0 1 0 " + fixed(-2 * r, 1) + " 0z";
  const auto polygon = [&](std::vector<std::string> corners) {
    path.clear();
    for (const std::string& corner : corners) path.append(path.empty() ? "M" : "L").append(corner);
    path += "z";
  };
  switch (style % mark_count) {
    case 1:
      polygon({point(-.9, -.9), point(.9, -.9), point(.9, .9), point(-.9, .9)});
      break;
    case 2:
      polygon({point(0, -1.2), point(1.15, .85), point(-1.15, .85)});
      break;
    case 3:
      polygon({point(0, -1.3), point(1.3, 0), point(0, 1.3), point(-1.3, 0)});
      break;
    case 4:
      polygon({point(0, 1.2), point(1.15, -.85), point(-1.15, -.85)});
      break;
    case 5:
      polygon({point(-1.2, -.4), point(1.2, -.4), point(1.2, .4), point(-1.2, .4)});
      break;
    default:
      break;
  }
  return "<path class=\"m s" + std::to_string(style % colour_count) + "\" d=\"" + path + "\"/>";
}

}  // namespace gradus::observe
