/// A line chart as one SVG element, drawn by the colours of the page it stands in.
#pragma once

#include <gradus/observe/chart_axis.hpp>
#include <gradus/observe/chart_mark.hpp>
#include <gradus/observe/html.hpp>
#include <gradus/observe/text.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace gradus::observe {

/// One point of a line, in the units of the axes.
struct ChartPoint {
  double x = 0;
  double y = 0;
  std::string tip{};     ///< shown over the mark: the exact values
  double deviation = 0;  ///< the band around the line reaches so far up and down
};

/// One line of a chart: its points from left to right, and its entry in the legend.
struct Series {
  std::string name{};
  std::size_t style = 0;  ///< colour and mark
  std::vector<ChartPoint> points{};
};

/// A dotted horizontal line to compare with.
struct Reference {
  double y = 0;
  std::string meaning{};  ///< for the caption: beside the curves there is no room for it
};

/// A line chart: axes, lines, and horizontal lines to compare with. `svg` draws it.
struct Chart {
  std::string summary{};  ///< read to those who cannot see it
  Axis x{};
  Axis y{};
  std::vector<Series> series{};
  std::vector<Reference> references{};
};

namespace detail {

/// Sizes in units of the view box, which is about one pixel wide on a large screen.
struct Plot {
  const Chart& chart;
  double width = 460;
  double height = 300;
  double left = 46;
  double right = 12;
  double top = 12;
  double bottom = 44;

  [[nodiscard]] double x(double value) const {
    return left + (width - left - right) * chart.x.share(value);
  }
  [[nodiscard]] double y(double value) const {
    return height - bottom - (height - top - bottom) * chart.y.share(value);
  }
  [[nodiscard]] double floor() const { return height - bottom; }
};

inline constexpr double letter_width = 6.6;  ///< of the 12-unit sans serif, rounded up
inline constexpr std::size_t label_letters = 16;
inline constexpr std::size_t most_labels = 5;  ///< more would cover the curves: a legend names them

struct EndLabel {
  std::string text{};
  std::size_t style = 0;
  double x = 0;
  double y = 0;
};

[[nodiscard]] inline std::string svg_text(double x, double y, const std::string& style,
                                          const std::string& text) {
  return "<text class=\"" + style + "\" x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) + "\">" +
         escaped(text) + "</text>\n";
}

[[nodiscard]] inline std::string svg_line(double x1, double y1, double x2, double y2,
                                          const std::string& style) {
  return "<line class=\"" + style + "\" x1=\"" + fixed(x1, 1) + "\" y1=\"" + fixed(y1, 1) +
         "\" x2=\"" + fixed(x2, 1) + "\" y2=\"" + fixed(y2, 1) + "\"/>\n";
}

[[nodiscard]] inline std::string short_name(const std::string& name) {
  return columns(name) <= label_letters ? name : clip(name, label_letters - 1) + "…";
}

[[nodiscard]] inline std::string axes(const Plot& plot) {
  const double end = plot.width - plot.right;
  std::string svg;
  for (const Tick& tick : plot.chart.y.ticks) {
    const double y = plot.y(tick.at);
    svg += svg_line(plot.left, y, end, y, "grid");
    svg += svg_text(plot.left - 8, y + 4, "tick end", tick.label);
  }
  svg += svg_line(plot.left, plot.floor(), end, plot.floor(), "axis");
  for (const Tick& tick : plot.chart.x.ticks) {
    const double x = plot.x(tick.at);
    svg += svg_line(x, plot.floor(), x, plot.floor() + 4, "axis");
    svg += svg_text(x, plot.floor() + 18, "tick mid", tick.label);
  }
  return svg + svg_text((plot.left + end) / 2, plot.height - 6, "title mid", plot.chart.x.title);
}

/// Moves labels that would overlap apart, up and down, inside the plot.
inline void spread(std::vector<EndLabel>& labels, double top, double floor) {
  constexpr double line = 14;
  const auto meet = [](const EndLabel& a, const EndLabel& b) {
    const auto end = [](const EndLabel& label) {
      return label.x + letter_width * static_cast<double>(columns(label.text));
    };
    return a.x < end(b) && b.x < end(a);
  };
  std::stable_sort(labels.begin(), labels.end(),
                   [](const EndLabel& a, const EndLabel& b) { return a.y < b.y; });
  for (std::size_t at = 0; at < labels.size(); ++at) {
    labels[at].y = std::max(labels[at].y, top);
    for (std::size_t above = 0; above < at; ++above)
      if (meet(labels[at], labels[above]))
        labels[at].y = std::max(labels[at].y, labels[above].y + line);
  }
  for (std::size_t at = labels.size(); at-- > 0;) {
    labels[at].y = std::min(labels[at].y, floor);
    for (std::size_t below = at + 1; below < labels.size(); ++below)
      if (meet(labels[at], labels[below]))
        labels[at].y = std::min(labels[at].y, labels[below].y - line);
  }
}

/// The band around a line of means; nothing where no point has one.
[[nodiscard]] inline std::string band(const Plot& plot, const Series& series) {
  const auto& points = series.points;
  if (std::ranges::all_of(points, [](const ChartPoint& point) { return point.deviation == 0; }))
    return {};
  std::string path;
  const auto corner = [&](const ChartPoint& point, double sign) {
    const double y =
        std::clamp(point.y + sign * point.deviation, plot.chart.y.low, plot.chart.y.high);
    path += path.empty() ? 'M' : 'L';
    path += fixed(plot.x(point.x), 1) + " " + fixed(plot.y(y), 1);
  };
  for (const ChartPoint& point : points) corner(point, 1);
  for (auto point = points.rbegin(); point != points.rend(); ++point) corner(*point, -1);
  return "<path class=\"band s" + std::to_string(series.style % colour_count) + "\" d=\"" + path +
         "z\"/>\n";
}

[[nodiscard]] inline std::string curve(const Plot& plot, const Series& series) {
  std::string path;
  std::string marks;
  const double radius = series.points.size() > 40 ? 2 : 3.6;
  for (const ChartPoint& point : series.points) {
    const double x = plot.x(point.x);
    const double y = plot.y(point.y);
    path += path.empty() ? 'M' : 'L';
    path += fixed(x, 1) + " " + fixed(y, 1);
    marks += "<g>" + mark(series.style, x, y, radius) + "<circle class=\"touch\" cx=\"" +
             fixed(x, 1) + "\" cy=\"" + fixed(y, 1) + "\" r=\"10\"/>" +
             element("title", point.tip) + "</g>\n";
  }
  if (path.empty()) return {};
  return "<path class=\"curve s" + std::to_string(series.style % colour_count) + "\" d=\"" + path +
         "\"/>\n" + marks;
}

}  // namespace detail

/// The chart, each curve named at its end if they are five at most. Points that are not finite must
/// have been left out.
[[nodiscard]] inline std::string svg(const Chart& chart) {
  detail::Plot plot{.chart = chart};
  for (const Tick& tick : chart.y.ticks)
    plot.left =
        std::max(plot.left, 16 + detail::letter_width * static_cast<double>(columns(tick.label)));
  const bool named = chart.series.size() <= detail::most_labels;
  std::size_t letters = 0;
  for (const Series& series : chart.series) {
    const std::size_t length = columns(detail::short_name(series.name));
    const bool at_end = !series.points.empty() && chart.x.share(series.points.back().x) > 0.8;
    if (named && at_end) letters = std::max(letters, length);
  }
  plot.right = 14 + detail::letter_width * static_cast<double>(letters);
  std::vector<detail::EndLabel> labels;
  std::string curves;
  for (const Series& series : chart.series) curves += detail::band(plot, series);
  for (const Series& series : chart.series) {
    if (series.points.empty()) continue;
    curves += detail::curve(plot, series);
    if (!named) continue;
    labels.push_back({detail::short_name(series.name), series.style,
                      plot.x(series.points.back().x) + 9, plot.y(series.points.back().y) + 4});
  }
  detail::spread(labels, plot.top + 4, plot.floor() - 4);
  std::string text = "<svg viewBox=\"0 0 " + fixed(plot.width, 0) + " " + fixed(plot.height, 0) +
                     "\" role=\"img\" aria-label=\"" + escaped(chart.summary) + "\">\n" +
                     detail::axes(plot);
  for (const Reference& reference : chart.references) {
    const double y = plot.y(reference.y);
    text += detail::svg_line(plot.left, y, plot.width - plot.right, y, "reference");
  }
  text += curves;
  for (const detail::EndLabel& label : labels)
    text += detail::svg_text(
        label.x, label.y, "name halo t" + std::to_string(label.style % colour_count), label.text);
  return text + "</svg>\n";
}

}  // namespace gradus::observe
