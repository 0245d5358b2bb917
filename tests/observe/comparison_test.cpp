#include "catch.hpp"
#include "support.hpp"
#include <gradus/observe/comparison_json.hpp>
#include <gradus/observe/table_cells.hpp>

#include <limits>

namespace observe = gradus::observe;
using observe_test::run;
using observe_test::three_runs;

namespace {

Catch::Approx near(double value) { return Catch::Approx(value).epsilon(1e-12); }

}  // namespace

CATCH_TEST_CASE("a run's figures follow from its epochs", "[observe]") {
  const auto record = run("optimized", {{10, 600}, {15, 655}});
  CATCH_CHECK(record.test_accuracy() == near(0.655));
  CATCH_CHECK(record.train_seconds() == near(25));
  CATCH_CHECK(record.images_per_second() == near(80));  // 2,000 images in 25 s
  CATCH_CHECK(record.optimizer_steps() == 20);
  CATCH_CHECK(record.seconds_to(0.6) == near(10));
  CATCH_CHECK(record.seconds_to(0.61) == near(25));
  CATCH_CHECK_FALSE(record.seconds_to(0.656).has_value());
}

CATCH_TEST_CASE("a run's share of the matmul rate is its operations over what products could do",
                "[observe]") {
  auto comparison = three_runs();
  auto& record = comparison.runs[1];
  CATCH_CHECK_FALSE(observe::knows_utilization(comparison));
  CATCH_CHECK(observe::table_headings(comparison).size() == 6);
  for (auto& epoch : record.epochs) epoch.flops = 5e9;
  CATCH_CHECK_FALSE(record.utilization().has_value());
  record.product_rate = 1e9;
  CATCH_CHECK(record.utilization() == near(0.4));  // 1e10 operations in 25 s
  CATCH_CHECK(observe::to_json(record, comparison).at("utilization") == near(0.4));
  CATCH_CHECK(observe::table_headings(comparison)[4] == "of matmul rate");
  const auto rows = observe::table_rows(comparison, observe::Signs::ascii());
  CATCH_CHECK(rows[0].cells()[4].text == "-");
  CATCH_CHECK(rows[1].cells()[4].text == "40%");
  CATCH_CHECK(rows[1].cells().size() == 7);
}

CATCH_TEST_CASE("a run without epochs has no accuracy and no rate", "[observe]") {
  const observe::RunRecord record;
  CATCH_CHECK_FALSE(record.test_accuracy().has_value());
  CATCH_CHECK_FALSE(record.images_per_second().has_value());
  CATCH_CHECK(record.train_seconds() == 0);
}

CATCH_TEST_CASE("speed-up and time to the baseline's accuracy are ratios to unoptimized",
                "[observe]") {
  const auto comparison = three_runs();
  const auto& runs = comparison.runs;
  CATCH_CHECK(comparison.speedup(runs[0]) == near(1));
  CATCH_CHECK(comparison.speedup(runs[1]) == near(4));   // 100 s / 25 s
  CATCH_CHECK(comparison.speedup(runs[2]) == near(20));  // 100 s / 5 s
  CATCH_CHECK(comparison.time_to_baseline_accuracy(runs[0]) == near(1));
  CATCH_CHECK(comparison.time_to_baseline_accuracy(runs[1]) == near(10));  // 100 s / 10 s
  CATCH_CHECK_FALSE(comparison.time_to_baseline_accuracy(runs[2]).has_value());
}

CATCH_TEST_CASE("nothing is compared where unoptimized was not run", "[observe]") {
  auto comparison = three_runs();
  comparison.runs.erase(comparison.runs.begin());
  for (const auto& record : comparison.runs) {
    const auto json = observe::to_json(record, comparison);
    CATCH_CHECK(json.at("speedup").is_null());
    CATCH_CHECK(json.at("time_to_baseline_accuracy").is_null());
    CATCH_CHECK(json.at("train_seconds").is_number());
  }
  CATCH_CHECK(observe::to_json(comparison).at("baseline").is_null());
}

CATCH_TEST_CASE("no accuracy is compared where the baseline was not tested", "[observe]") {
  auto comparison = three_runs();
  comparison.runs[0].epochs.back().test.reset();
  CATCH_CHECK(comparison.speedup(comparison.runs[1]) == near(4));
  CATCH_CHECK_FALSE(comparison.time_to_baseline_accuracy(comparison.runs[1]).has_value());
  CATCH_CHECK(observe::to_json(comparison).at("runs")[0].at("test_accuracy").is_null());
}

CATCH_TEST_CASE("comparison.json holds what scripts rely on", "[observe]") {
  auto comparison = three_runs();
  comparison.environment["processor"] = "any";
  comparison.notes = {"Fewer images."};
  const auto json = nlohmann::json::parse(observe::json_text(comparison));
  CATCH_REQUIRE(json.at("runs").size() == 3);
  const auto& record = json.at("runs").at(1);
  CATCH_CHECK(record.at("name") == "optimized");
  CATCH_CHECK(record.at("device") == "cpu");
  CATCH_CHECK(record.at("width") == 16);
  CATCH_CHECK(record.at("parameters") == 4'903'242);
  CATCH_CHECK(record.at("test_accuracy").get<double>() == near(0.655));
  CATCH_CHECK(record.at("train_seconds").get<double>() == near(25));
  CATCH_CHECK(record.at("images_per_second").get<double>() == near(80));
  CATCH_CHECK(record.at("optimizer_steps") == 20);
  CATCH_CHECK(record.at("speedup").get<double>() == near(4));
  CATCH_CHECK(record.at("time_to_baseline_accuracy").get<double>() == near(10));
  CATCH_REQUIRE(record.at("epochs").size() == 2);
  const auto& epoch = record.at("epochs").at(1);
  CATCH_CHECK(epoch.at("epoch") == 2);
  CATCH_CHECK(epoch.at("train_loss").get<double>() == near(1));
  CATCH_CHECK(epoch.at("test_accuracy").get<double>() == near(0.655));
  CATCH_CHECK(epoch.at("train_seconds").get<double>() == near(15));
  CATCH_CHECK(epoch.at("seconds").get<double>() == near(25));
  CATCH_CHECK(json.at("runs").at(2).at("time_to_baseline_accuracy").is_null());
  CATCH_CHECK(json.at("notes") == nlohmann::json{"Fewer images."});
  CATCH_CHECK(json.at("environment").at("processor") == "any");
}

CATCH_TEST_CASE("comparison.json stays JSON with a loss that is not finite and a broken name",
                "[observe]") {
  auto comparison = three_runs();
  comparison.runs[1].name = "\xff\"\n";
  comparison.runs[1].epochs[0].train_loss = std::numeric_limits<double>::quiet_NaN();
  const auto json = nlohmann::json::parse(observe::json_text(comparison));
  CATCH_CHECK(json.at("runs").at(1).at("epochs").at(0).at("train_loss").is_null());
  CATCH_CHECK(json.at("runs").at(1).at("name") == "\xef\xbf\xbd\"\n");
}
