// The page of an ablation.
#include "catch.hpp"
#include "support.hpp"
#include <gradus/observe/ablation_report.hpp>
#include <gradus/observe/comparison_json.hpp>

#include <string>

namespace observe = gradus::observe;
using observe_test::contains;

namespace {

/// Without AdamW 10 and 12 points less, in 0.5 and 0.25 times the time; without Mixed 1 point more.
observe::Ablation ablation() {
  return {.configuration = "optimized",
          .whole = {.accuracy = {{0.80, 0.82}}, .seconds = {{100, 100}}},
          .contributions = {{.axis = "precision",
                             .policy = "Mixed",
                             .without = {.accuracy = {{0.81, 0.83}}, .seconds = {{200, 200}}}},
                            {.axis = "optimizer",
                             .policy = "AdamW",
                             .without = {.accuracy = {{0.70, 0.70}}, .seconds = {{50, 25}}}}},
          .environment = {{"processor", "any"}}};
}

}  // namespace

CATCH_TEST_CASE("contributions are taken seed by seed, the largest first", "[observe]") {
  const auto html = observe::ablation_html(ablation());
  CATCH_CHECK(contains(html,
                       "<h1>Of the policies of optimized, AdamW contributes most: +11.00 ± "
                       "1.41 points of accuracy.</h1>"));
  CATCH_CHECK(contains(html, "<span>+11.00 ± 1.41</span>"));
  CATCH_CHECK(contains(html, "<span>-1.00 ± 0.00</span>"));
  CATCH_CHECK(contains(html, "<span>0.38× ± 0.18</span>"));
  CATCH_CHECK(contains(html, "<span>2.0× ± 0.00</span>"));
  CATCH_CHECK(html.find(">AdamW<") < html.find(">Mixed<"));
  CATCH_CHECK(contains(html, "processor"));
  CATCH_CHECK(contains(html, "without-POLICY"));
  CATCH_CHECK_FALSE(contains(html, "refresh"));
  for (const auto* part : {"http:", "https:", "//", "src=", "href=", "url(", "<script"})
    CATCH_CHECK_FALSE(contains(html, part));
}

CATCH_TEST_CASE("bars go to the right for what is lost without a policy, else to the left",
                "[observe]") {
  const auto html = observe::ablation_html(ablation());
  // From -1 to 11 + 1.414 points over 118 units after the first: nothing is at 9.8, 11 at 105.5.
  CATCH_CHECK(contains(html, "<rect class=\"more\" x=\"9.8\" y=\"3\" width=\"96.8\""));
  CATCH_CHECK(contains(html, "<rect class=\"less\" x=\"1.0\" y=\"3\" width=\"8.8\""));
}

CATCH_TEST_CASE("an ablation that is not over reloads itself and shows what is known",
                "[observe]") {
  auto part = ablation();
  part.waiting = {"without-AdamW, seed 1"};
  part.contributions[1].without = {};
  const auto html = observe::ablation_html(part);
  CATCH_CHECK(contains(html, "http-equiv=\"refresh\""));
  CATCH_CHECK(contains(html, "1 run is still to come"));
  CATCH_CHECK(contains(html, "In training: without-AdamW, seed 1."));
  CATCH_CHECK(contains(html, "not trained yet"));
}

CATCH_TEST_CASE("runs that were not tested have no accuracy in an ablation, never 0 %",
                "[observe]") {
  auto untested = ablation();
  untested.whole = {};
  for (const auto& run :
       {observe_test::run("any", {{4, 250}}), observe_test::run("any", {{5, 300}})}) {
    auto record = run;
    record.epochs.back().test.reset();
    untested.whole.add(record);
    untested.contributions[1].without.accuracy.values.clear();
  }
  CATCH_CHECK(untested.whole.accuracy.values.empty());
  CATCH_CHECK(untested.contributions[0].accuracy(untested.whole).values.empty());
  const auto html = observe::ablation_html(untested);
  CATCH_CHECK(contains(html, "not all runs were tested"));
  CATCH_CHECK(contains(html, "–"));
  CATCH_CHECK_FALSE(contains(html, "0.00%"));
  CATCH_CHECK_FALSE(contains(html, "not trained yet"));
  CATCH_CHECK(observe::to_json(untested.whole.accuracy)["mean"].is_null());
}

CATCH_TEST_CASE("an ablation's page is made whatever is missing, and escapes all text",
                "[observe]") {
  const std::string hostile = "<script>alert('x')</script>\"&\x1b[31m";
  auto odd = ablation();
  odd.configuration = hostile;
  odd.contributions[0].policy = odd.contributions[1].axis = hostile;
  odd.whole.seconds.values = {0, 0};
  odd.environment = {{hostile, hostile}};
  odd.waiting = {hostile};
  for (const auto& made : {observe::Ablation{}, odd}) {
    const auto html = observe::ablation_html(made);
    CATCH_CHECK(contains(html, "</html>"));
    CATCH_CHECK_FALSE(contains(html, "<script"));
    CATCH_CHECK_FALSE(contains(html, "\x1b"));
    CATCH_CHECK_FALSE(contains(html, "=\"nan"));
    CATCH_CHECK_FALSE(contains(html, "=\"inf"));
  }
}
