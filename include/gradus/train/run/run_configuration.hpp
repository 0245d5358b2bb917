/// What makes the bits of a run, as JSON from its type and numbers; and how two of them differ.
#pragma once

#include <gradus/compose/slot.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/settings/dump.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/run/run_facts.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus {

/// Not in it are numbers that change neither bits nor records, those of loading but its batches and
/// all that ends a run early; nor which processes share its work. A policy's `fingerprint()` is,
/// which stands for members that are no fields.
template <class T>
[[nodiscard]] nlohmann::ordered_json run_configuration(T& trainer) {
  const auto number = [](const auto& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  };
  const auto& run = trainer.run();
  auto policies = policies_to_json(trainer.policies());
  trainer.policies().for_each([&]<class P>(const P& policy) {
    if constexpr (requires { policy.fingerprint(); }) {
      policies[axis_key<P>()]["fingerprint"] = policy.fingerprint();
    }
  });
  policies.erase("distribution");
  const auto loading = trainer.policies().template at<slot::loading>().plan();
  policies["loading"] = {{"batch_size", loading.batch_size}, {"drop_last", loading.drop_last}};
  const auto precision = trainer.policies().template at<slot::precision>().choose(run.device);
  return {{"model", {{"parameters", count_parameters(*trainer.model())}}},
          {"policies", policies},
          {"run",
           {{"seed", run.seed},
            {"epochs", run.epochs},
            {"max_steps", number(run.max_steps)},
            {"steps_per_epoch", number(run.steps_per_epoch)},
            {"seconds_per_epoch", number(run.seconds_per_epoch)},
            {"device", run.device.is_cuda() ? "cuda" : "cpu"},
            {"precision", c10::toString(precision.type)},
            {"log_every_steps", run.log_every_steps},
            {"limit_train_batches", number(run.limit_train_batches)},
            {"limit_test_batches", number(run.limit_test_batches)},
            {"overfit_batches", number(run.overfit_batches)},
            {"evaluation_batch_size", run.evaluation_batch_size},
            {"evaluate_flipped", run.evaluate_flipped},
            {"tf32", run.math.tf32}}}};
}

/// What the configuration of an older version stands for in numbers that it does not have: a number
/// that is added to a policy is declared with the value that changes nothing.
template <class T>
[[nodiscard]] nlohmann::ordered_json unset_configuration(T& trainer) {
  auto policies = nlohmann::ordered_json::object();
  trainer.policies().for_each(
      [&]<class P>(const P&) { policies[axis_key<P>()] = unset_to_json<P>(); });
  return {{"policies", policies}};
}

/// "policies.optimizer.lr was 0.1, is 0.2", one for each number that is not the same. Numbers that
/// `before` does not have were as in `unset`.
[[nodiscard]] inline std::vector<std::string> differences(const nlohmann::ordered_json& before,
                                                          const nlohmann::ordered_json& now,
                                                          const nlohmann::ordered_json& unset) {
  const auto then = before.flatten();
  const auto present = now.flatten();
  const auto added = unset.flatten();
  std::vector<std::string> list;
  for (const auto& [key, value] : then.items()) {
    const auto found = present.find(key);
    if (found == present.end()) {
      list.push_back(dotted(key) + " was " + dump(value) + ", is not there");
    } else if (*found != value) {
      list.push_back(dotted(key) + " was " + dump(value) + ", is " + dump(*found));
    }
  }
  for (const auto& [key, value] : present.items()) {
    if (then.contains(key) || added.value(key, nlohmann::ordered_json()) == value) continue;
    list.push_back(dotted(key) + " was not there, is " + dump(value));
  }
  return list;
}

/// Throws CheckpointError that lists what is not the same.
inline void refuse_differences(const nlohmann::ordered_json& before,
                               const nlohmann::ordered_json& now,
                               const nlohmann::ordered_json& unset) {
  const auto list = differences(before, now, unset);
  if (list.empty()) return;
  std::string text;
  for (const auto& difference : list) text += (text.empty() ? "" : "; ") + difference;
  throw CheckpointError("the run was begun with another configuration (" + text +
                        "); give it the one that it had, or start a new run from its weights.");
}

}  // namespace gradus
