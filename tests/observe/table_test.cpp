#include "catch.hpp"
#include "support.hpp"
#include <gradus/observe/table.hpp>

#include <set>
#include <sstream>
#include <string>

namespace observe = gradus::observe;
using observe_test::contains;
using observe_test::three_runs;

CATCH_TEST_CASE("the table for a file is plain ASCII in aligned columns", "[observe]") {
  auto comparison = three_runs();
  comparison.notes = {"Fewer images."};
  CATCH_CHECK(
      observe::table(comparison, {}) ==
      "configuration  test accuracy  training time  images/s  speed-up  to baseline's accuracy\n"
      "-------------  -------------  -------------  --------  --------  ----------------------\n"
      "unoptimized            60.0%     1 min 40 s      20.0    1.00 x                baseline\n"
      "optimized              65.5%           25 s      80.0     4.0 x    10.0 x sooner (10 s)\n"
      "hasty                  59.9%          5.0 s       400    20.0 x                   never\n"
      "note: Fewer images.\n");
}

CATCH_TEST_CASE("the table on a terminal aligns and marks the best in colour", "[observe]") {
  const observe::Terminal terminal{
      .interactive = true, .colour = true, .unicode = true, .columns = 100};
  const auto text = observe::table(three_runs(), terminal);
  CATCH_CHECK(contains(text, "\x1b[1;32m        65.5%\x1b[0m"));
  CATCH_CHECK(contains(text, "10.0× sooner (10 s)"));
  CATCH_CHECK(contains(text, "─────"));
  auto grey = terminal;
  grey.colour = false;
  std::istringstream lines(observe::table(three_runs(), grey));
  std::set<std::size_t> widths;
  for (std::string line; std::getline(lines, line);) widths.insert(observe::columns(line));
  CATCH_CHECK(widths.size() == 1);
  CATCH_CHECK_FALSE(contains(observe::table(three_runs(), grey), "\x1b"));
}

CATCH_TEST_CASE("the table fits a narrow terminal, one figure per line", "[observe]") {
  auto comparison = three_runs();
  comparison.notes = {"A note that is longer than the width of this narrow terminal, by far."};
  std::istringstream lines(
      observe::table(comparison, {.interactive = true, .unicode = true, .columns = 48}));
  for (std::string line; std::getline(lines, line);) CATCH_CHECK(observe::columns(line) <= 48);
}

CATCH_TEST_CASE("a run that reaches the baseline's accuracy later is said to be later",
                "[observe]") {
  const observe::Comparison comparison{
      .runs = {observe_test::run("unoptimized", {{10, 500}, {10, 500}}),
               observe_test::run("slow", {{40, 600}}), observe_test::run("same", {{20, 500}})}};
  const auto rows = observe::table_rows(comparison, observe::Signs::ascii());
  CATCH_CHECK(rows[0].to_baseline.text == "baseline");
  CATCH_CHECK(rows[1].to_baseline.text == "2.0 x later (40 s)");
  CATCH_CHECK(rows[1].speedup.text == "0.50 x");
  CATCH_CHECK(rows[2].to_baseline.text == "as soon (20 s)");
}

CATCH_TEST_CASE("no run is best where there is only one, or all are the same", "[observe]") {
  const auto one = observe_test::run("unoptimized", {{10, 500}});
  auto two = one;
  two.name = "optimized";
  const std::vector<observe::Comparison> comparisons{{.runs = {one}}, {.runs = {one, two}}};
  for (const auto& comparison : comparisons)
    for (const auto& row : observe::table_rows(comparison, observe::Signs::ascii()))
      for (const auto& cell : row.cells()) CATCH_CHECK_FALSE(cell.best);
}

CATCH_TEST_CASE("a table without a baseline has no columns to compare with it", "[observe]") {
  const auto text = observe::table({.runs = {observe_test::run("optimized", {{10, 500}})}}, {});
  CATCH_CHECK_FALSE(contains(text, "speed-up"));
  CATCH_CHECK(contains(text, "50.0%"));
  CATCH_CHECK_NOTHROW(observe::table({}, {}));
}

CATCH_TEST_CASE("the Markdown table is a table whatever the names are", "[observe]") {
  auto comparison = three_runs();
  comparison.runs[2].name = "a|b_c*<i>";
  comparison.notes = {"1 < 2"};
  CATCH_CHECK(observe::markdown_table(comparison) ==
              "| configuration | test accuracy | training time | images/s | speed-up | "
              "to baseline's accuracy |\n"
              "|---|---:|---:|---:|---:|---:|\n"
              "| unoptimized | 60.0% | 1 min 40 s | 20.0 | 1.00× | baseline |\n"
              "| optimized | **65.5%** | 25 s | 80.0 | 4.0× | **10.0× sooner (10 s)** |\n"
              "| a\\|b\\_c\\*\\<i\\> | 59.9% | **5.0 s** | **400** | **20.0×** | never |\n"
              "\n"
              "- 1 \\< 2\n");
}
