/// The report of a comparison: one HTML file that needs nothing else.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/headline.hpp>
#include <gradus/observe/html.hpp>
#include <gradus/observe/report_page.hpp>
#include <gradus/observe/report_setup.hpp>
#include <gradus/observe/run_charts.hpp>
#include <gradus/observe/run_ending.hpp>
#include <gradus/observe/run_groups.hpp>
#include <gradus/observe/table_cells.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::observe {

namespace detail {

[[nodiscard]] inline std::string key(std::size_t style) {
  return "<svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\">" + mark(style, 6, 6, 4.6) +
         "</svg>";
}

/// What else was found, in sentences; the table speaks better of many configurations.
[[nodiscard]] inline std::string findings(const Comparison& comparison) {
  const auto groups = run_groups(comparison);
  if (groups.size() > 4) return {};
  const RunRecord* first = headline_run(comparison);
  const bool unfinished = comparison.is_unfinished();
  std::string rest;
  for (const RunGroup& group : groups) {
    const bool told = group.name == first->name || group.is_baseline();
    if (group.trains() || (told && !unfinished)) continue;
    const std::string sentence = headline(comparison, *group.runs.front());
    if (sentence != page_title(comparison)) rest += (rest.empty() ? "" : " ") + sentence;
  }
  return rest.empty() ? "" : element("p", rest, "lead");
}

/// Of a page that reloads itself: when it was written, and what is still to come.
[[nodiscard]] inline std::string outlook(const Comparison& comparison, const std::string& written) {
  if (!comparison.is_unfinished()) return {};
  std::string waiting;
  constexpr std::size_t most = 4;
  for (std::size_t at = 0; at < std::min(most, comparison.waiting.size()); ++at)
    waiting += (waiting.empty() ? "" : ", ") + printable(comparison.waiting[at]);
  if (comparison.waiting.size() > most)
    waiting += " and " + std::to_string(comparison.waiting.size() - most) + " more";
  return element("p",
                 "This page was written at " + written + " and reloads itself every " +
                     std::to_string(reload_seconds) + " seconds." +
                     (waiting.empty() ? "" : " Still to be trained: " + waiting + "."),
                 "live");
}

[[nodiscard]] inline std::string cell_html(const Cell& cell) {
  const std::string text = element("span", cell.text, cell.best ? "best" : "");
  return cell.deviation.empty() ? text : text + element("small", cell.deviation);
}

[[nodiscard]] inline std::string results(const Comparison& comparison) {
  const auto headings = table_headings(comparison);
  const auto styles = run_styles(comparison);
  std::string html = "<table class=\"results\">\n<thead><tr>";
  for (const std::string& heading : headings) html += element("th", heading);
  html += "</tr></thead>\n<tbody>\n";
  const auto rows = table_rows(comparison, Signs::unicode());
  const auto groups = run_groups(comparison);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto cells = rows[row].cells();
    html += "<tr><th>" + key(styles[row]) + escaped(cells[0].text);
    for (const RunRecord* run : groups[row].all) {
      if (const std::string text = ending(*run); !text.empty())
        html += element("small", groups[row].all.size() > 1
                                     ? "seed " + std::to_string(run->seed) + ": " + text
                                     : text);
    }
    html += "</th>";
    for (std::size_t at = 1; at < headings.size(); ++at)
      html += "<td data-label=\"" + escaped(headings[at]) + "\">" + cell_html(cells[at]) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n";
}

/// What was reduced or unequal, and how much chance there is in the figures.
[[nodiscard]] inline std::string remarks(const Comparison& comparison) {
  std::string html;
  std::vector<std::string> notes = comparison.notes;
  for (std::string& sentence : unequal_conditions(comparison)) notes.push_back(sentence);
  for (const std::string& note : notes) html += element("li", note) + "\n";
  if (!html.empty()) html = "<ul class=\"notes\">\n" + html + "</ul>\n";
  if (has_seeds(comparison))
    html +=
        element("p",
                "Each row is the mean over its seeds, " + grouped(most_seeds(comparison)) +
                    " at most, ± the standard deviation of one run (n - 1). Speed-up and time to "
                    "the baseline's accuracy are against the baseline's run of the same seed, or "
                    "its first where it has none of that seed.",
                "small");
  else if (const auto points = chance_points(comparison); points && comparison.runs.size() > 1)
    html += element("p",
                    "Each row is one run. With this many test images, two runs that are equally "
                    "good can differ by " +
                        fixed(*points, 1) + " points of accuracy by chance alone.",
                    "small");
  return html;
}

[[nodiscard]] inline std::string figure(const Comparison& comparison, const std::string& caption,
                                        Quantity quantity, Progression progression) {
  const auto chart = run_chart(comparison, quantity, progression);
  if (!chart) return {};
  std::string html = "<figure>" + element("figcaption", caption) + svg(*chart);
  for (const Reference& reference : chart->references)
    html += element("p", "The dotted line is " + reference.meaning + ".", "small");
  return html + "</figure>\n";
}

[[nodiscard]] inline std::string charts(const Comparison& comparison) {
  const auto both = [&](const std::string& name, Quantity quantity) {
    return figure(comparison, name + " over training time", quantity, Progression::training_time) +
           figure(comparison, name + " over epochs", quantity, Progression::epochs);
  };
  std::string figures = both("Test accuracy", Quantity::test_accuracy);
  if (figures.empty()) figures = both("Test loss", Quantity::test_loss);
  figures += both("Training loss", Quantity::train_loss);
  if (figures.empty()) return {};
  const auto styles = run_styles(comparison);
  const auto groups = run_groups(comparison);
  std::string legend = "<ul class=\"legend\">\n";
  for (std::size_t at = 0; at < styles.size(); ++at)
    legend += "<li>" + key(styles[at]) + escaped(groups[at].name) + "</li>\n";
  legend += "</ul>\n";
  if (has_seeds(comparison))
    legend += element("p",
                      "A line is the mean over seeds; the band around it reaches one standard "
                      "deviation up and down.",
                      "small legend-note");
  return "<h2>How they learned</h2>\n" + legend + "<div class=\"charts\">\n" + figures + "</div>\n";
}

inline constexpr std::string_view speedup_explained =
    " Speed-up is the baseline's training time over the run's. The time to the baseline's accuracy "
    "is the training time to the end of the first epoch that scored at least what the baseline "
    "scored in the end.";

inline constexpr std::string_view peak_explained =
    " Of matmul rate: floating-point operations a second of training (convolutions and matrix "
    "products, the backward pass taken for twice the forward pass) over what the device reached "
    "here in large matrix products of the same number type. Algorithms that save operations can "
    "exceed it.";

inline constexpr std::string_view memory_explained =
    " Peak memory: on CUDA the most that tensors took in one epoch; on a CPU the peak resident "
    "size "
    "of the process, which earlier runs in the same process have a part in.";

/// A log of a few lines is open; a long one, and those of many seeds, are closed.
[[nodiscard]] inline std::string logs(const Comparison& comparison) {
  std::string html;
  for (const RunRecord& run : comparison.runs) {
    if (run.log.empty()) continue;
    html += run.log.size() <= 16 && !has_seeds(comparison) ? "<details open>" : "<details>";
    html += element("summary", run_title(comparison, run)) + "<pre>";
    for (const std::string& line : run.log) html += escaped(line) + "\n";
    html += "</pre></details>\n";
  }
  return html.empty() ? html : "<h2>Logs</h2>\n" + html;
}

}  // namespace detail

/// A whole HTML page: the finding in a sentence, the table, the charts, what was run, where, and
/// the logs. It loads nothing and runs no script; every text from outside is escaped. While the
/// comparison is unfinished the page says what trains, and a browser reloads it; `written` is the
/// time that it then gives.
[[nodiscard]] inline std::string report_html(const Comparison& comparison,
                                             const std::string& written = clock_now()) {
  Page page{.kicker = comparison.runs.size() + comparison.waiting.size() == 1
                          ? "gradus, a training run"
                          : "gradus, a comparison of training configurations",
            .title = page_title(comparison),
            .reload_seconds = comparison.is_unfinished() ? reload_seconds : 0};
  if (!comparison.runs.empty()) {
    page.header = detail::findings(comparison) + detail::outlook(comparison, written);
    page.main = detail::results(comparison) + detail::remarks(comparison) +
                detail::charts(comparison) + "<h2>What was run</h2>\n" + setup_table(comparison);
  }
  const std::string environment = environment_list(comparison.environment);
  if (!environment.empty()) page.main += "<h2>Where and with what</h2>\n" + environment;
  page.main += detail::logs(comparison);
  const bool compares = comparison.baseline() != nullptr;
  page.footer =
      escaped("Test accuracy is that of the last epoch. Training time leaves evaluation out." +
              std::string(compares ? detail::speedup_explained : "") +
              std::string(knows_utilization(comparison) ? detail::peak_explained : "") +
              std::string(knows_peak_memory(comparison) ? detail::memory_explained : ""));
  return page_html(page);
}

}  // namespace gradus::observe
