// Several seeds of a configuration: one row, one curve with a band, means in the headline.
#include "catch.hpp"
#include "support.hpp"
#include <gradus/observe/comparison_json.hpp>
#include <gradus/observe/report.hpp>
#include <gradus/observe/table.hpp>

#include <string>

namespace observe = gradus::observe;
using observe_test::contains;
using observe_test::run;

namespace {

observe::RunRecord seeded(observe::RunRecord record, std::uint64_t seed) {
  record.seed = seed;
  return record;
}

/// The baseline scores 60% and 62%, mean 61%, and takes 100 s and 104 s; `optimized` scores 65% and
/// 66% and takes 25 s and 52 s: 4 and 2 times less than the baseline of its seed.
observe::Comparison two_seeds() {
  return {.runs = {seeded(run("unoptimized", {{60, 500}, {40, 600}}), 1),
                   seeded(run("optimized", {{10, 600}, {15, 650}}), 1),
                   seeded(run("unoptimized", {{60, 500}, {44, 620}}), 2),
                   seeded(run("optimized", {{20, 610}, {32, 660}}), 2)}};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

CATCH_TEST_CASE("a spread has the deviation of one value, with n - 1", "[observe]") {
  const observe::Spread spread{.values = {1, 2, 6}};
  CATCH_CHECK(spread.mean() == Catch::Approx(3));
  CATCH_CHECK(spread.deviation() == Catch::Approx(2.6457513));  // sqrt((4 + 1 + 9) / 2)
  CATCH_CHECK(observe::Spread{.values = {7}}.deviation() == 0);
  CATCH_CHECK(observe::Spread{}.mean() == 0);
}

CATCH_TEST_CASE("several seeds are one row of means with deviations, against the same seed",
                "[observe]") {
  const auto comparison = two_seeds();
  CATCH_CHECK(comparison.speedup(comparison.runs[3]) == Catch::Approx(2));
  const auto rows = observe::table_rows(comparison, observe::Signs::ascii());
  CATCH_REQUIRE(rows.size() == 2);
  CATCH_CHECK(rows[0].accuracy.whole() == "61.0% +- 1.4%");
  CATCH_CHECK(rows[1].accuracy.whole() == "65.5% +- 0.7%");
  CATCH_CHECK(rows[1].speedup.whole() == "3.0 x +- 1.41 x");
  CATCH_CHECK(rows[1].accuracy.best);
  // 10 s and 52 s: 10 and 2 times sooner than the baseline of the seed ends.
  CATCH_CHECK(rows[1].to_baseline.text == "6.0 x sooner (31 s)");
}

CATCH_TEST_CASE("a seed that the baseline lacks is compared with the baseline's first",
                "[observe]") {
  auto comparison = two_seeds();
  comparison.runs.erase(comparison.runs.begin() + 2);
  CATCH_CHECK(comparison.speedup(comparison.runs[2]) == Catch::Approx(100.0 / 52));
  CATCH_CHECK(contains(observe::report_html(comparison),
                       "of the same seed, or its first where it has none of that seed."));
}

CATCH_TEST_CASE("seeds that never scored what the baseline did are counted", "[observe]") {
  auto comparison = two_seeds();
  comparison.runs[3].epochs.back().test->correct = 619;
  const auto rows = observe::table_rows(comparison, observe::Signs::ascii());
  CATCH_CHECK(rows[1].to_baseline.text == "10.0 x sooner (10 s), 1 of 2 never");
}

CATCH_TEST_CASE("the headline of several seeds speaks of means", "[observe]") {
  const auto comparison = two_seeds();
  CATCH_CHECK(
      observe::headline(comparison, *observe::headline_run(comparison)) ==
      "Over 2 seeds optimized trained 3.0 times as fast as unoptimized and scored 4.5 points "
      "more, on average.");
  CATCH_CHECK(observe::unequal_conditions(comparison).empty());
}

CATCH_TEST_CASE("the report draws a line of means with a band, one legend entry a configuration",
                "[observe]") {
  auto comparison = two_seeds();
  const auto chart = observe::run_chart(comparison, observe::Quantity::test_accuracy,
                                        observe::Progression::training_time);
  CATCH_REQUIRE(chart->series.size() == 2);
  const auto& last = chart->series[1].points.at(1);
  CATCH_CHECK(last.y == Catch::Approx(65.5));
  CATCH_CHECK(last.x == Catch::Approx(38.5));  // the mean of 25 s and 52 s
  CATCH_CHECK(last.deviation == Catch::Approx(0.70711).epsilon(1e-4));
  CATCH_CHECK(chart->references.at(0).y == Catch::Approx(61));
  const auto html = observe::report_html(comparison);
  // Training losses are equal over seeds, so two of four charts have bands.
  CATCH_CHECK(count(html, "<path class=\"band s1\"") == 2);
  CATCH_CHECK(count(html, "<li><svg class=\"key\"") == 2);
  CATCH_CHECK(contains(html, "one standard deviation"));
  CATCH_CHECK(contains(html, "1, 2"));  // the seeds
  comparison.runs.resize(2);
  const auto single = observe::report_html(comparison);
  CATCH_CHECK_FALSE(contains(single, "<path class=\"band"));
  CATCH_CHECK_FALSE(contains(single, "one standard deviation"));
}

CATCH_TEST_CASE("a seed that trains still has no part in the means", "[observe]") {
  auto comparison = two_seeds();
  comparison.runs[3].state = observe::RunState::trains;
  comparison.runs[3].planned_epochs = 9;
  const auto rows = observe::table_rows(comparison, observe::Signs::ascii());
  CATCH_CHECK(rows[1].accuracy.text == "65.0%");
  CATCH_CHECK(contains(observe::report_html(comparison), "seed 2: training: epoch 3 of 9"));
}

CATCH_TEST_CASE("comparison.json keeps every run, and the means beside them", "[observe]") {
  auto comparison = two_seeds();
  const auto json = nlohmann::json::parse(observe::json_text(comparison));
  CATCH_CHECK(json.at("runs").size() == 4);
  const auto& means = json.at("configurations").at(1);
  CATCH_CHECK(means.at("name") == "optimized");
  CATCH_CHECK(means.at("seeds") == nlohmann::json{1, 2});
  CATCH_CHECK(means.at("test_accuracy").at("mean").get<double>() == Catch::Approx(0.655));
  CATCH_CHECK(means.at("test_accuracy").at("values").size() == 2);
  comparison.runs.resize(2);
  CATCH_CHECK_FALSE(observe::to_json(comparison).contains("configurations"));
}

CATCH_TEST_CASE("how a run ended and its peak memory are in table, report and JSON", "[observe]") {
  auto comparison = observe_test::three_runs();
  auto& stopped = comparison.runs[1];
  stopped.planned_epochs = 5;
  stopped.epochs[0].peak_memory = 3LL << 30;
  comparison.runs[2].end = gradus::RunEnd::limit;
  CATCH_CHECK(observe::ending(stopped) == "stopped early, after epoch 2 of 5");
  CATCH_CHECK(observe::ending(comparison.runs[2]) == "ended by a limit, after 20 steps");
  const auto json = observe::to_json(comparison);
  CATCH_CHECK(json["runs"][0]["end"] == "whole");
  CATCH_CHECK(json["runs"][1]["end"] == "early_stop");
  CATCH_CHECK(json["runs"][1]["planned_epochs"] == 5);
  CATCH_CHECK(json["runs"][1]["peak_memory"] == 3LL << 30);
  CATCH_CHECK(json["runs"][1]["epochs"][0]["peak_memory"] == 3LL << 30);
  CATCH_CHECK(json["runs"][0]["peak_memory"].is_null());
  CATCH_CHECK(json["runs"][2]["end"] == "limit");
  const auto html = observe::report_html(comparison);
  CATCH_CHECK(contains(html, "<small>stopped early, after epoch 2 of 5</small>"));
  CATCH_CHECK(contains(html, "peak memory"));
  CATCH_CHECK(contains(html, "3.0 GiB"));
  CATCH_CHECK(contains(observe::table(comparison, {}),
                       "note: optimized: stopped early, after epoch 2 of 5.\n"));
  using gradus::RunEnd;
  const auto ended = [&](RunEnd end) {
    stopped.end = end;
    return observe::ending(stopped);
  };
  CATCH_CHECK(ended(RunEnd::interrupted) == "interrupted after epoch 2 of 5");
  CATCH_CHECK(ended(RunEnd::out_of_data) == "ended with its data, after 20 steps");
  stopped.planned_epochs = 2;
  CATCH_CHECK(ended(RunEnd::whole).empty());
}
