#include "catch.hpp"
#include "support.hpp"
#include <gradus/observe/report.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace observe = gradus::observe;
using observe_test::contains;
using observe_test::run;
using observe_test::three_runs;

namespace {

std::string headline_of(std::pair<double, std::int64_t> base,
                        std::pair<double, std::int64_t> other) {
  const observe::Comparison comparison{
      .runs = {run("unoptimized", {base}), run("optimized", {other})}};
  return observe::headline(comparison, comparison.runs[1]);
}

}  // namespace

CATCH_TEST_CASE("the headline says what the figures say, also where they are bad", "[observe]") {
  CATCH_CHECK(headline_of({84, 600}, {10, 631}) ==
              "optimized trained 8.4 times as fast as unoptimized and scored 3.1 points more.");
  CATCH_CHECK(headline_of({84, 600}, {10, 580}) ==
              "optimized trained 8.4 times as fast as unoptimized but scored 2.0 points less.");
  CATCH_CHECK(headline_of({10, 600}, {13, 631}) ==
              "optimized took 1.30 times as long as unoptimized but scored 3.1 points more.");
  CATCH_CHECK(headline_of({10, 600}, {13, 595}) ==
              "optimized took 1.30 times as long as unoptimized and scored 0.5 points less.");
  CATCH_CHECK(headline_of({10, 600}, {10, 600}) ==
              "optimized took as long as unoptimized and scored the same.");
}

CATCH_TEST_CASE("the headline claims nothing that was not measured", "[observe]") {
  auto comparison = three_runs();
  comparison.runs[1].epochs.back().test.reset();
  CATCH_CHECK(
      observe::headline(comparison, comparison.runs[1]) ==
      "optimized trained 4.0 times as fast as unoptimized; the accuracy of both is not known.");
  comparison.runs[1].epochs.clear();
  CATCH_CHECK(observe::headline(comparison, comparison.runs[1]) ==
              "optimized did not finish an epoch.");
  const observe::Comparison alone{.runs = {run("optimized", {{10, 600}})}};
  CATCH_CHECK(observe::headline(alone, alone.runs[0]) ==
              "optimized scored 60.0% after 1 epoch, 10 s of training.");
}

CATCH_TEST_CASE("runs under unequal conditions are named with what differs", "[observe]") {
  auto comparison = three_runs();
  CATCH_CHECK(observe::unequal_conditions(comparison).empty());
  comparison.runs[1].seed = 7;
  comparison.runs[1].device = "cuda:0";
  const auto sentences = observe::unequal_conditions(comparison);
  CATCH_REQUIRE(sentences.size() == 1);
  CATCH_CHECK(sentences[0] ==
              "Not under equal conditions: optimized and unoptimized differ in device (cuda:0 "
              "against cpu) and seed (7 against 42).");
}

CATCH_TEST_CASE("the play of chance is that of two binomial scores", "[observe]") {
  // p = 0.5, n = 1,000: 1.96 * sqrt(2 * 0.25 / 1,000) = 4.3827 points, by hand.
  const observe::Comparison comparison{.runs = {run("unoptimized", {{10, 500}})}};
  CATCH_CHECK(*observe::chance_points(comparison) == Catch::Approx(4.3827).epsilon(1e-4));
}

CATCH_TEST_CASE("every text in the report is escaped", "[observe]") {
  const std::string hostile = "<script>alert('x')</script>\"&\x1b[31m";
  auto comparison = three_runs();
  comparison.runs[1].name = hostile;
  comparison.runs[1].device = hostile;
  comparison.runs[1].precision = hostile;
  comparison.runs[1].log = {hostile};
  comparison.runs[1].configuration = {
      {"policies", {{hostile, {{"policy", hostile}, {hostile, hostile}}}}},
      {"model", {{"name", hostile}}},
      {"run", hostile}};
  comparison.notes = {hostile};
  comparison.environment = {{hostile, {{hostile, {hostile, 1, nullptr, true}}}}};
  const auto html = observe::report_html(comparison);
  CATCH_CHECK_FALSE(contains(html, "<script"));
  CATCH_CHECK_FALSE(contains(html, "\x1b"));
  CATCH_CHECK_FALSE(contains(html, "alert('"));
  CATCH_CHECK(contains(html, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"));
}

CATCH_TEST_CASE("the report needs no network and runs no script", "[observe]") {
  const auto html = observe::report_html(three_runs());
  for (const auto* part : {"http:", "https:", "//", "src=", "href=", "url(", "@import", "<script"})
    CATCH_CHECK_FALSE(contains(html, part));
  CATCH_CHECK(contains(html, "default-src 'none'"));
  CATCH_CHECK(contains(html, "prefers-color-scheme: dark"));
  CATCH_CHECK(contains(html, "@media print"));
}

CATCH_TEST_CASE("the report shows the table, four charts with exact values, and the logs",
                "[observe]") {
  auto comparison = three_runs();
  comparison.runs[0].log = {"[ 0.0 s] first line"};
  const auto html = observe::report_html(comparison);
  CATCH_CHECK(contains(html, "<h1>optimized trained 4.0 times as fast as unoptimized"));
  CATCH_CHECK(contains(html, "10.0× sooner (10 s)"));
  std::size_t charts = 0;
  for (auto at = html.find("<figure>"); at != std::string::npos; at = html.find("<figure>", at + 1))
    ++charts;
  CATCH_CHECK(charts == 4);
  CATCH_CHECK(contains(html, "<title>optimized, epoch 2: 65.5% after 25.0 s of training</title>"));
  CATCH_CHECK(contains(html, "<title>hasty, epoch 1: loss 2.0000 after 3.0 s of training</title>"));
  CATCH_CHECK(contains(html, "logarithmic"));  // 100 s against 5 s
  CATCH_CHECK(contains(html, "first line"));
}

CATCH_TEST_CASE("a report is made whatever is missing", "[observe]") {
  auto odd = three_runs();
  odd.runs[0].epochs[0].train_loss = std::numeric_limits<double>::quiet_NaN();
  odd.runs[0].epochs[1].test.reset();
  odd.runs[1].epochs.clear();
  odd.runs[1].configuration = {{"policies", {{"optimizer", "AdamW"}, {"loss", nullptr}}}};
  odd.runs[2].epochs[0].train_seconds = 0;
  odd.runs[2].configuration = "text";
  for (const auto& comparison : {observe::Comparison{}, odd}) {
    const auto html = observe::report_html(comparison);
    CATCH_CHECK(contains(html, "</html>"));
    CATCH_CHECK_FALSE(contains(html, "=\"nan"));
    CATCH_CHECK_FALSE(contains(html, "=\"inf"));
    CATCH_CHECK_FALSE(contains(html, "=\"-nan"));
  }
}

CATCH_TEST_CASE("axes have round values inside and ends outside the data", "[observe]") {
  const auto axis = observe::linear_axis("any", 0.13, 0.87);
  CATCH_REQUIRE(axis.ticks.size() == 6);
  CATCH_CHECK(axis.ticks.front().label == "0.0");
  CATCH_CHECK(axis.ticks[1].label == "0.2");
  CATCH_CHECK(axis.low <= 0.13);
  CATCH_CHECK(axis.high >= 0.87);
  for (const double value : {0.0, 3.0, -2.0, 1e-9, 1e12}) {
    const auto flat = observe::linear_axis("any", value, value);
    CATCH_CHECK(flat.low < value);
    CATCH_CHECK(flat.high > value);
    CATCH_CHECK(flat.ticks.size() <= 9);
  }
  const auto label = [](double low, double high, std::size_t tick) {
    return observe::linear_axis("any", low, high).ticks.at(tick).label;
  };
  CATCH_CHECK(label(0, 1e20, 0) == "0");
  CATCH_CHECK(label(0, 1e20, 1) == "2e+19");
  CATCH_CHECK(label(1e20, 1.001e20, 1) == "1.0002e+20");
  CATCH_CHECK(label(0, 1e-10, 1) == "2e-11");
  CATCH_CHECK(label(0, 1e-8, 1) == "0.000000002");
  CATCH_CHECK(label(0, 1e12, 1) == "200,000,000,000");
  const auto time = observe::logarithmic_time_axis(5, 3'000);
  CATCH_CHECK(time.share(5) > 0);
  CATCH_CHECK(time.share(3'000) < 1);
  CATCH_CHECK(time.ticks.front().label == "10 s");
  const auto epochs = observe::epoch_axis(1);
  CATCH_REQUIRE(epochs.ticks.size() == 1);
  CATCH_CHECK(epochs.ticks[0].label == "1");
}

CATCH_TEST_CASE("labels at the ends of curves keep apart and inside", "[observe]") {
  observe::Chart chart{.x = observe::epoch_axis(2), .y = observe::linear_axis("loss", 0, 2)};
  for (std::size_t at = 0; at < 5; ++at)
    chart.series.push_back({"run", at, {{1, 2, ""}, {2, 0, ""}}});  // all end in one corner
  const auto svg = observe::svg(chart);
  std::vector<double> heights;
  for (auto at = svg.find("class=\"name"); at != std::string::npos;
       at = svg.find("class=\"name", at + 1))
    heights.push_back(std::stod(svg.substr(svg.find(" y=\"", at) + 4)));
  CATCH_REQUIRE(heights.size() == 5);
  for (std::size_t at = 0; at < heights.size(); ++at) {
    CATCH_CHECK(heights[at] > 0);
    CATCH_CHECK(heights[at] < 256);  // the line of the axis
    if (at > 0) CATCH_CHECK(heights[at] - heights[at - 1] >= 14);
  }
}

CATCH_TEST_CASE("more curves than can be named are told apart by the legend alone", "[observe]") {
  observe::Chart chart{.x = observe::epoch_axis(2), .y = observe::linear_axis("loss", 0, 2)};
  for (std::size_t at = 0; at < 6; ++at) chart.series.push_back({"run", at, {{1, 2, ""}}});
  CATCH_CHECK_FALSE(contains(observe::svg(chart), "class=\"name"));
}
