/// The report of an ablation: one HTML file that needs nothing else.
#pragma once

#include <gradus/observe/ablation.hpp>
#include <gradus/observe/html.hpp>
#include <gradus/observe/report_page.hpp>
#include <gradus/observe/report_setup.hpp>
#include <gradus/observe/spread.hpp>
#include <gradus/observe/text.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace gradus::observe {

namespace detail {

/// "+1.20 ± 0.31".
[[nodiscard]] inline std::string signed_points(const Spread& fraction) {
  if (fraction.values.empty()) return "–";
  const double points = 100 * fraction.mean();
  const std::string text = fixed(points, 2);
  const bool plus = points > 0 && text != "0.00";
  return (plus ? "+" : "") + text +
         (fraction.values.size() > 1 ? " ± " + fixed(100 * fraction.deviation(), 2) : "");
}

/// What the bars of one column range over; nothing is in it.
struct BarRange {
  double low = 0;
  double high = 0;

  void add(double value, double deviation) {
    if (!std::isfinite(value) || !std::isfinite(deviation)) return;
    low = std::min(low, value - deviation);
    high = std::max(high, value + deviation);
  }
  /// From 0 to 1.
  [[nodiscard]] double share(double value) const {
    if (!(high > low) || !std::isfinite(value)) return 0.5;
    return std::clamp((value - low) / (high - low), 0.0, 1.0);
  }
};

/// A bar from nothing to the right for more, to the left for less, with the deviation as a thin
/// line.
[[nodiscard]] inline std::string bar_cell(double value, double deviation, const BarRange& range) {
  const auto at = [&](double of) { return 1 + 118 * range.share(of); };  // of a width of 120
  const auto line = [](const std::string& style, double x1, double y1, double x2, double y2) {
    return "<line class=\"" + style + "\" x1=\"" + fixed(x1, 1) + "\" y1=\"" + fixed(y1, 0) +
           "\" x2=\"" + fixed(x2, 1) + "\" y2=\"" + fixed(y2, 0) + "\"/>";
  };
  const double from = std::min(at(0), at(value)), to = std::max(at(0), at(value));
  std::string svg =
      "<td class=\"bar\"><svg viewBox=\"0 0 120 14\" preserveAspectRatio=\"none\" "
      "aria-hidden=\"true\"><rect class=\"" +
      std::string(value < 0 ? "less" : "more") + "\" x=\"" + fixed(from, 1) +
      "\" y=\"3\" width=\"" + fixed(to - from, 1) + "\" height=\"8\"/>";
  if (deviation > 0) svg += line("whisker", at(value - deviation), 7, at(value + deviation), 7);
  return svg + line("axis", at(0), 0, at(0), 14) + "</svg></td>";
}

[[nodiscard]] inline std::string ablation_cell(const std::string& heading,
                                               const std::string& text) {
  return "<td data-label=\"" + escaped(heading) + "\">" + element("span", text) + "</td>";
}

/// The largest contribution first; those without a value at the end.
[[nodiscard]] inline std::vector<Contribution> by_contribution(const Ablation& ablation) {
  auto sorted = ablation.contributions;
  const auto known = [&](const Contribution& one) {
    return !one.accuracy(ablation.whole).values.empty();
  };
  std::ranges::stable_sort(sorted, [&](const Contribution& a, const Contribution& b) {
    if (known(a) != known(b)) return known(a);
    return a.accuracy(ablation.whole).mean() > b.accuracy(ablation.whole).mean();
  });
  return sorted;
}

[[nodiscard]] inline std::string seconds_text(const Spread& seconds) {
  if (seconds.values.empty()) return "–";
  return duration(seconds.mean()) +
         (seconds.values.size() > 1 ? " ± " + duration(seconds.deviation()) : "");
}

[[nodiscard]] inline std::string accuracy_text(const Spread& accuracy) {
  if (accuracy.values.empty()) return "–";
  return percent(accuracy.mean(), 2) +
         (accuracy.values.size() > 1 ? " ± " + fixed(100 * accuracy.deviation(), 2) : "");
}

[[nodiscard]] inline std::string contributions_table(const Ablation& ablation) {
  const auto sorted = by_contribution(ablation);
  BarRange point_range, ratio_range;
  const auto doublings = [](const Spread& times) {  // with and without differ by
    return times.mean() > 0 ? std::log2(times.mean()) : 0.0;
  };
  for (const Contribution& one : sorted) {
    const auto points = one.accuracy(ablation.whole);
    const auto time = one.time_ratio(ablation.whole);
    point_range.add(points.mean(), points.deviation());
    ratio_range.add(doublings(time), 0);
  }
  const std::string points = "it contributes, points", accuracy = "test accuracy without it",
                    ratio_of = "time without it, ratio", time = "training time without it";
  std::string html = "<table class=\"results ablation\">\n<thead><tr>" +
                     element("th", "left out of " + ablation.configuration) +
                     element("th", points) + "<th></th>" + element("th", accuracy) +
                     element("th", ratio_of) + "<th></th>" + element("th", time) +
                     "</tr></thead>\n<tbody>\n";
  html += "<tr><th>nothing</th><td class=\"none\"></td><td class=\"none\"></td>" +
          ablation_cell("test accuracy", accuracy_text(ablation.whole.accuracy)) +
          ablation_cell(ratio_of, "1.00×") + "<td class=\"none\"></td>" +
          ablation_cell("training time", seconds_text(ablation.whole.seconds)) + "</tr>\n";
  for (const Contribution& one : sorted) {
    const auto gained = one.accuracy(ablation.whole);
    const auto slower = one.time_ratio(ablation.whole);
    html += "<tr><th>" + escaped(one.policy) + element("small", one.axis) + "</th>";
    if (slower.values.empty()) {
      html += "<td colspan=\"6\">not trained yet</td></tr>\n";
      continue;
    }
    const std::string times =
        ratio(slower.mean()) + "×" +
        (slower.values.size() > 1 ? " ± " + fixed(slower.deviation(), 2) : "");
    html += ablation_cell(points, signed_points(gained)) +
            bar_cell(gained.mean(), gained.deviation(), point_range) +
            ablation_cell(accuracy, accuracy_text(one.without.accuracy)) +
            ablation_cell(ratio_of, times) + bar_cell(doublings(slower), 0, ratio_range) +
            ablation_cell(time, seconds_text(one.without.seconds)) + "</tr>\n";
  }
  return html + "</tbody>\n</table>\n";
}

[[nodiscard]] inline std::string ablation_title(const Ablation& ablation) {
  const std::string name = printable(ablation.configuration);
  const std::size_t waiting = ablation.waiting.size();
  if (waiting > 0)
    return name + " without each of its policies: " + std::to_string(waiting) +
           (waiting == 1 ? " run is" : " runs are") + " still to come.";
  if (ablation.contributions.empty()) return name + " has no policy that can be left out.";
  const Contribution first = by_contribution(ablation).front();
  const auto gained = first.accuracy(ablation.whole);
  if (gained.values.empty())
    return name + " without each of its policies: not all runs were tested.";
  if (!(gained.mean() > 0)) return "No policy of " + name + " contributes accuracy here.";
  return "Of the policies of " + name + ", " + printable(first.policy) +
         " contributes most: " + signed_points(gained) + " points of accuracy.";
}

}  // namespace detail

/// A whole HTML page: what each policy contributes, where it was measured, and where the logs are.
/// It loads nothing and runs no script; every text from outside is escaped. While runs are waiting,
/// a browser reloads it.
[[nodiscard]] inline std::string ablation_html(const Ablation& ablation,
                                               const std::string& written = clock_now()) {
  const bool unfinished = !ablation.waiting.empty();
  Page page{.kicker = "gradus, an ablation",
            .title = detail::ablation_title(ablation),
            .reload_seconds = unfinished ? reload_seconds : 0};
  if (unfinished)
    page.header = element("p",
                          "This page was written at " + written + " and reloads itself every " +
                              std::to_string(reload_seconds) +
                              " seconds. In training: " + printable(ablation.waiting.front()) + ".",
                          "live");
  page.main = detail::contributions_table(ablation);
  const std::size_t seeds = ablation.whole.seconds.values.size();
  page.main += element(
      "p",
      seeds > 1
          ? "Each row is the mean over " + std::to_string(seeds) +
                " seeds, ± the standard deviation of one run (n - 1). Contributions and ratios "
                "are taken seed by seed."
          : "Each row is one run: small contributions are chance. More seeds show the spread.",
      "small");
  page.main += "<h2>Logs</h2>\n" +
               element("p",
                       "Beside this page, in " + ablation.configuration +
                           "/seed-N and in "
                           "without-POLICY/seed-N: train.log, metrics.jsonl, config.json and the "
                           "weights of each run. ablation.json has every figure.",
                       "small");
  const std::string environment = environment_list(ablation.environment);
  if (!environment.empty()) page.main += "<h2>Where and with what</h2>\n" + environment;
  page.footer = escaped(
      "Each policy is left out of its axis, which then has the neutral policy; all others stay. A "
      "bar to the right: accuracy that is lost, or time that is needed, without the policy. Bars "
      "of "
      "ratios are logarithmic; the thin line is the deviation. Test accuracy is that of the last "
      "epoch. Training time leaves evaluation out.");
  return page_html(page);
}

}  // namespace gradus::observe
