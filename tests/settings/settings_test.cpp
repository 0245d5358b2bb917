#include "catch.hpp"
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/settings/name_pattern.hpp>
#include <gradus/settings/settings.hpp>

#include <limits>

using gradus::AdamW;
using gradus::ConfigurationError;
using gradus::OneCycle;

CATCH_TEST_CASE("a policy's JSON has its name and all its numbers in order") {
  const auto json = gradus::policy_to_json(AdamW{.lr = 0.5, .decay = gradus::Decay::weights});
  CATCH_CHECK(json.dump() == R"({"policy":"AdamW","lr":0.5,"beta1":0.9,"beta2":0.999,"eps":1e-08,)"
                             R"("weight_decay":0.01,"decay":"weights"})");
}

CATCH_TEST_CASE("numbers, switches and names are set from JSON") {
  OneCycle schedule;
  gradus::set_field(schedule, "max_lr", 1);  // a whole number is a number
  gradus::set_field(schedule, "three_phase", true);
  gradus::set_field(schedule, "anneal", "linear");
  CATCH_CHECK(schedule.max_lr == 1.0);
  CATCH_CHECK(schedule.three_phase);
  CATCH_CHECK(schedule.anneal == gradus::Anneal::linear);
}

CATCH_TEST_CASE("an unknown number is refused with the nearest known one") {
  AdamW optimizer;
  CATCH_CHECK_THROWS_WITH(
      gradus::set_field(optimizer, "weight_decai", 0.1),
      "'optimizer.weight_decai' is not a setting of AdamW; did you mean 'weight_decay'?");
}

CATCH_TEST_CASE("a wrong type or a value out of range is refused with what is expected") {
  AdamW optimizer;
  CATCH_CHECK_THROWS_WITH(
      gradus::set_field(optimizer, "lr", "fast"),
      "optimizer.lr is \"fast\", but it takes a finite number above 0 and at most 1e+38.");
  CATCH_CHECK_THROWS_WITH(gradus::set_field(optimizer, "decay", "some"),
                          "optimizer.decay is \"some\", but it takes one of 'all', 'weights'.");
  CATCH_CHECK_THROWS_WITH(gradus::set_field(optimizer, "beta1", 1.0),
                          "optimizer.beta1 is 1.0, but it takes a finite number of at least 0 and "
                          "below 1.");
  for (const double bad : {0.0, -1.0, std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()}) {
    CATCH_CHECK_THROWS_AS(gradus::set_field(optimizer, "lr", bad), ConfigurationError);
  }
}

CATCH_TEST_CASE("numbers that were set in code are checked as well") {
  CATCH_CHECK_NOTHROW(gradus::check_fields(AdamW{}));
  CATCH_CHECK_THROWS_WITH(
      gradus::check_fields(AdamW{.lr = -1}),
      "optimizer.lr is -1.0, but it takes a finite number above 0 and at most 1e+38.");
}

CATCH_TEST_CASE("a pattern matches whole names, in alternatives, with stars and question marks") {
  const gradus::NamePattern two("layer?.*|*.bias");
  for (const auto* name : {"layer1.0.conv1.weight", "layer2.", "fc.bias", ".bias"}) {
    CATCH_INFO(name);
    CATCH_CHECK(two.matches(name));
  }
  for (const auto* name : {"fc.weight", "layer10.weight", "xlayer1.weight", "fc.bias2", ""}) {
    CATCH_INFO(name);
    CATCH_CHECK_FALSE(two.matches(name));
  }
  CATCH_CHECK(gradus::NamePattern().matches(""));
  CATCH_CHECK(gradus::NamePattern("a*b*c").matches("a.b.b.c"));
  CATCH_CHECK_FALSE(gradus::NamePattern("a*b*c").matches("a.b.b"));
  CATCH_CHECK_THROWS(gradus::NamePattern(std::string(96, 'x')));
}
