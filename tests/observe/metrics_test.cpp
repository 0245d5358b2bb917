#include "catch.hpp"
#include "support.hpp"
#include <gradus/observe/comparison_json.hpp>
#include <gradus/observe/lines.hpp>
#include <gradus/observe/metrics.hpp>
#include <gradus/observe/report.hpp>
#include <gradus/observe/table.hpp>

#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace observe = gradus::observe;
using observe_test::text_of;

namespace {

std::vector<nlohmann::json> lines_of(const std::filesystem::path& path) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(text_of(path));
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

gradus::EpochEnd epoch_end() {
  gradus::EpochEnd event{.record = observe_test::run("any", {{4, 250}}).epochs.front(),
                         .epochs = 2};
  event.record.peak_memory = 1 << 30;
  return event;
}

}  // namespace

CATCH_TEST_CASE("metrics.jsonl gets a line per log interval and per epoch, at once", "[observe]") {
  const observe_test::Folder folder;
  const auto path = folder.path() / "new" / "metrics.jsonl";
  observe::MetricsFile metrics(path);
  metrics.on(gradus::StepEnd{
      .epoch = 1, .step = 1, .learning_rate = 0.5, .train_loss = {}, .warning = {}});
  CATCH_CHECK(lines_of(path).empty());
  metrics.on(gradus::StepEnd{.epoch = 1,
                             .step = 2,
                             .learning_rate = 0.25,
                             .train_loss = 2.5,
                             .gradient_norm = 0.5,
                             .warning = "it grows"});
  CATCH_REQUIRE(lines_of(path).size() == 1);
  auto end = epoch_end();
  end.learning_rate = 0.25;
  metrics.on(end);
  const auto lines = lines_of(path);  // while the file is still open
  CATCH_REQUIRE(lines.size() == 2);
  CATCH_CHECK(lines[0].at("event") == "step");
  CATCH_CHECK(lines[0].at("step") == 2);
  CATCH_CHECK(lines[0].at("train_loss") == 2.5);
  CATCH_CHECK(lines[0].at("gradient_norm") == 0.5);
  CATCH_CHECK(lines[0].at("warning") == "it grows");
  CATCH_CHECK(lines[1].at("event") == "epoch");
  CATCH_CHECK(lines[1].at("epoch") == 1);
  CATCH_CHECK(lines[1].at("train_loss") == 2.0);
  CATCH_CHECK(lines[1].at("test_accuracy") == 0.25);
  CATCH_CHECK(lines[1].at("test_loss") == 1.5);
  CATCH_CHECK(lines[1].at("train_seconds") == 4.0);
  CATCH_CHECK(lines[1].at("samples") == 1000);
  CATCH_CHECK(lines[1].at("optimizer_steps") == 10);
  CATCH_CHECK(lines[1].at("skipped_steps") == 0);
  CATCH_CHECK(lines[1].at("learning_rate") == 0.25);
  CATCH_CHECK(lines[1].at("peak_memory") == 1 << 30);
}

CATCH_TEST_CASE("a figure that is missing or not finite is null in metrics.jsonl", "[observe]") {
  const observe_test::Folder folder;
  const auto path = folder.path() / "metrics.jsonl";
  auto event = epoch_end();
  event.record.test.reset();
  event.record.train_loss = std::numeric_limits<double>::infinity();
  event.learning_rate = std::numeric_limits<double>::quiet_NaN();
  event.record.peak_memory = 0;
  observe::MetricsFile(path).on(event);
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto norm : {std::optional<double>(), std::optional(infinity)}) {
    observe::MetricsFile(path).on(
        gradus::StepEnd{.train_loss = 1.0, .gradient_norm = norm, .warning = {}});
  }
  const auto lines = lines_of(path);
  CATCH_REQUIRE(lines.size() == 3);
  for (const auto* name :
       {"train_loss", "test_loss", "test_accuracy", "learning_rate", "peak_memory"})
    CATCH_CHECK(lines[0].at(name).is_null());
  CATCH_CHECK(lines[1].at("gradient_norm").is_null());
  CATCH_CHECK(lines[2].at("gradient_norm").is_null());
}

CATCH_TEST_CASE("figures over nothing: absent in metrics.jsonl, in a comparison and in the lines") {
  const observe_test::Folder folder;
  auto event = epoch_end();
  event.record.train_loss.reset();
  event.record.optimizer_steps = 0;
  event.record.skipped_steps = 10;
  event.record.test = gradus::Evaluation{.samples = 8};
  observe::MetricsFile(folder.path() / "m").on(event);
  const auto line = lines_of(folder.path() / "m").at(0);
  for (const auto* name : {"train_loss", "test_loss", "test_accuracy"}) {
    CATCH_CHECK(line.at(name).is_null());
  }
  CATCH_CHECK(line.at("test_samples") == 8);
  auto comparison = observe_test::three_runs();
  comparison.runs[1].epochs.back() = event.record;
  const auto json = observe::to_json(comparison).at("runs").at(1);
  CATCH_CHECK(json.at("test_accuracy").is_null());
  CATCH_CHECK(json.at("epochs").back().at("train_loss").is_null());
  CATCH_CHECK(json.at("epochs").back().at("peak_memory") == 1 << 30);
  CATCH_CHECK(json.at("epochs").front().at("peak_memory").is_null());
  CATCH_CHECK_FALSE(observe::markdown_table(comparison).empty());
  CATCH_CHECK_FALSE(observe::report_html(comparison).empty());
  const auto shown = observe::line_of(event);
  CATCH_CHECK(shown.find("train loss none") != std::string::npos);
  CATCH_CHECK(shown.find("accuracy") == std::string::npos);
  CATCH_CHECK(shown.find("skipped 10 steps") != std::string::npos);
}

CATCH_TEST_CASE("a resumed run continues metrics.jsonl after a line that was cut off",
                "[observe]") {
  const observe_test::Folder folder;
  const auto path = folder.path() / "metrics.jsonl";
  observe::MetricsFile(path).on(epoch_end());
  std::ofstream(path, std::ios::app) << "{\"epoch\":2,\"tr";
  observe::MetricsFile(path).on(epoch_end());
  std::istringstream text(text_of(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  CATCH_REQUIRE(lines.size() == 3);
  CATCH_CHECK(nlohmann::json::accept(lines[0]));
  CATCH_CHECK(nlohmann::json::accept(lines[2]));
}

CATCH_TEST_CASE("metrics that cannot be written are a resource error that names the file",
                "[observe]") {
  const auto names_it = [](const std::string& path) {
    return Catch::Matchers::ContainsSubstring("Cannot write the metrics to " + path);
  };
  const observe_test::Folder folder;
  std::ofstream(folder.path() / "file") << "text";
  const auto below = folder.path() / "file" / "metrics.jsonl";
  CATCH_CHECK_THROWS_AS(observe::MetricsFile(below), gradus::ResourceError);
  CATCH_CHECK_THROWS_AS(observe::MetricsFile(folder.path()), gradus::ResourceError);
  if (std::filesystem::exists("/dev/full")) {
    observe::MetricsFile full("/dev/full");
    CATCH_CHECK_THROWS_WITH(full.on(epoch_end()),
                            names_it("/dev/full") && Catch::Matchers::ContainsSubstring("space"));
  }
}
