/// The report of a comparison: one HTML file that needs nothing else.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/headline.hpp>
#include <gradus/observe/html.hpp>
#include <gradus/observe/report_setup.hpp>
#include <gradus/observe/report_style.hpp>
#include <gradus/observe/run_charts.hpp>
#include <gradus/observe/table_cells.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::observe {

namespace detail {

[[nodiscard]] inline std::string key(std::size_t style) {
  return "<svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\">" + mark(style, 6, 6, 4.6) +
         "</svg>";
}

[[nodiscard]] inline std::string opening(const Comparison& comparison) {
  const RunRecord* first = headline_run(comparison);
  std::string html =
      "<header>\n" + element("p", "gradus, a comparison of training configurations", "kicker");
  html += element("h1", first == nullptr ? "No run is recorded." : headline(comparison, *first));
  std::string rest;  // the table speaks better of many runs
  for (const RunRecord& run : comparison.runs)
    if (comparison.runs.size() <= 4 && &run != first && &run != comparison.baseline())
      rest += (rest.empty() ? "" : " ") + headline(comparison, run);
  return html + (rest.empty() ? "" : element("p", rest, "lead")) + "</header>\n";
}

[[nodiscard]] inline std::string results(const Comparison& comparison) {
  const auto headings = table_headings(comparison);
  const auto styles = run_styles(comparison);
  std::string html = "<table class=\"results\">\n<thead><tr>";
  for (const std::string& heading : headings) html += element("th", heading);
  html += "</tr></thead>\n<tbody>\n";
  const auto rows = table_rows(comparison, Signs::unicode());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto cells = rows[row].cells();
    html += "<tr><th>" + key(styles[row]) + escaped(cells[0].text) + "</th>";
    for (std::size_t at = 1; at < headings.size(); ++at)
      html += "<td data-label=\"" + escaped(headings[at]) + "\">" +
              element("span", cells[at].text, cells[at].best ? "best" : "") + "</td>";
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
  if (const auto points = chance_points(comparison); points && comparison.runs.size() > 1)
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
  const std::string figures =
      figure(comparison, "Test accuracy over training time", Quantity::test_accuracy,
             Progression::training_time) +
      figure(comparison, "Test accuracy over epochs", Quantity::test_accuracy,
             Progression::epochs) +
      figure(comparison, "Training loss over training time", Quantity::train_loss,
             Progression::training_time) +
      figure(comparison, "Training loss over epochs", Quantity::train_loss, Progression::epochs);
  if (figures.empty()) return {};
  const auto styles = run_styles(comparison);
  std::string legend = "<ul class=\"legend\">\n";
  for (std::size_t at = 0; at < styles.size(); ++at)
    legend += "<li>" + key(styles[at]) + escaped(comparison.runs[at].name) + "</li>\n";
  return "<h2>How they learned</h2>\n" + legend + "</ul>\n<div class=\"charts\">\n" + figures +
         "</div>\n";
}

inline constexpr std::string_view peak_explained =
    " Of the peak: floating-point operations a second of training (convolutions and matrix "
    "products, the backward pass taken for twice the forward pass) over what the device reached "
    "here in large matrix products of the same number type. Algorithms that save operations can "
    "exceed it.";

/// A log of a few lines is open, a long one closed.
[[nodiscard]] inline std::string logs(const Comparison& comparison) {
  std::string html;
  for (const RunRecord& run : comparison.runs) {
    if (run.log.empty()) continue;
    html += run.log.size() <= 16 ? "<details open>" : "<details>";
    html += element("summary", run.name) + "<pre>";
    for (const std::string& line : run.log) html += escaped(line) + "\n";
    html += "</pre></details>\n";
  }
  return html.empty() ? html : "<h2>Logs</h2>\n" + html;
}

}  // namespace detail

/// A whole HTML page: the finding in a sentence, the table, the charts, what was run, where, and
/// the logs. It loads nothing and runs no script; every text from outside is escaped.
[[nodiscard]] inline std::string report_html(const Comparison& comparison) {
  const RunRecord* first = headline_run(comparison);
  const std::string title = first == nullptr ? "gradus" : headline(comparison, *first);
  const std::string environment = environment_list(comparison);
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n" +
      element("title", title) + "\n<style>" + std::string(report_style) +
      "</style>\n</head>\n<body>\n";
  html += detail::opening(comparison) + "<main>\n";
  if (!comparison.runs.empty())
    html += detail::results(comparison) + detail::remarks(comparison) + detail::charts(comparison) +
            "<h2>What was run</h2>\n" + setup_table(comparison);
  if (!environment.empty()) html += "<h2>Where and with what</h2>\n" + environment;
  html += detail::logs(comparison) + "</main>\n";
  html += element("footer",
                  "Test accuracy is that of the last epoch. Training time leaves evaluation out. "
                  "Speed-up is the baseline's training time over the run's. The time to the "
                  "baseline's accuracy is the training time to the end of the first epoch that "
                  "scored at least what the baseline scored in the end." +
                      std::string(knows_utilization(comparison) ? detail::peak_explained : ""));
  return html + "\n</body>\n</html>\n";
}

}  // namespace gradus::observe
