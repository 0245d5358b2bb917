#include "../train/toys.hpp"
#include "catch.hpp"
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/layout/channels_last.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/edit.hpp>
#include <gradus/train/trainer.hpp>

using namespace gradus;

namespace {

using Two = Trainer<Perceptron, AdamW, OneCycle>;
using Peaked = Preset<OneCycle{.max_lr = 0.5}>;

static_assert(std::is_same_v<Two, Trainer<Perceptron, OneCycle, AdamW>>, "order does not matter");
static_assert(std::is_same_v<Trainer<Perceptron>, Trainer<Perceptron, Float32, SGD, Plain>>,
              "what is not said is neutral");
static_assert(!std::is_same_v<Two, Trainer<Perceptron, AdamW, Peaked>>, "numbers are in the type");
static_assert(std::is_same_v<with<Two, Peaked>, Trainer<Perceptron, Peaked, AdamW>>);
static_assert(std::is_same_v<with<Two, Mixed, Accumulate>,
                             Trainer<Perceptron, AdamW, OneCycle, Accumulate, Mixed>>);
static_assert(std::is_same_v<without<Two, slot::optimizer>, Trainer<Perceptron, OneCycle>>);

}  // namespace

CATCH_TEST_CASE("a trainer starts with the numbers of its type") {
  const Trainer<Perceptron, AdamW, Peaked>::policies_type policies;
  CATCH_CHECK(policies.at<slot::schedule>().max_lr == 0.5);
  CATCH_CHECK(policies.at<slot::optimizer>().lr == AdamW{}.lr);
}

CATCH_TEST_CASE(
    "numbers are set by axis and field, and unknown ones are refused with the nearest") {
  Two::policies_type policies;
  set_policy_field(policies, "optimizer", "lr", 0.25);
  CATCH_CHECK(policies.at<slot::optimizer>().lr == 0.25);
  CATCH_CHECK_THROWS_WITH(set_policy_field(policies, "optimiser", "lr", 0.25),
                          "'optimiser' is not an axis; did you mean 'optimizer'?");
  CATCH_CHECK_THROWS_AS(set_policy_field(policies, "optimizer", "policy", "SGD"),
                        ConfigurationError);
  CATCH_CHECK_NOTHROW(set_policy_field(policies, "optimizer", "policy", "AdamW"));
}

CATCH_TEST_CASE("what a trainer says of itself can be set on another of its type") {
  Two::policies_type policies;
  policies.at<slot::optimizer>().lr = 0.125;
  policies.at<slot::schedule>().anneal = Anneal::linear;
  const auto json = policies_to_json(policies);
  CATCH_CHECK(json.size() == 22);

  Two::policies_type copy;
  for (const auto& [axis, fields] : json.items()) {
    for (const auto& [field, value] : fields.items()) set_policy_field(copy, axis, field, value);
  }
  CATCH_CHECK(policies_to_json(copy) == json);
}

CATCH_TEST_CASE("numbers out of range and impossible runs are refused before anything happens") {
  Two::policies_type policies;
  policies.at<slot::optimizer>().lr = 0;
  CATCH_CHECK_THROWS_AS(Two(perceptron(), {}, policies), ConfigurationError);
  CATCH_CHECK_THROWS_WITH(Two(perceptron(), {.epochs = 0}),
                          "epochs is 0, but it takes a whole number of at least 1.");
}
