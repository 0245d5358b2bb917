/// Checks of the numbers that a run is given, before anything runs: the same rules that hold at
/// compile time for the numbers of a type.
#pragma once

#include <gradus/compose/averaging_mistakes.hpp>
#include <gradus/compose/slot.hpp>
#include <gradus/core/monitor.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/schedule/concept.hpp>
#include <gradus/settings/settings.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace gradus {

/// Numbers out of range, or that do not go together. Throws ConfigurationError.
template <class P>
void check_policy(const P& policy) {
  check_fields(policy);
  if constexpr (requires { policy.mistake().empty(); }) {
    if (policy.mistake().empty()) return;
    throw ConfigurationError(std::string(P::slot::name) + ": " + std::string(policy.mistake()) +
                             ".");
  }
}

/// For an optimizer that has averages of its own, which every process evaluates. Throws
/// ConfigurationError for a distribution that leaves each only a part of its state.
template <class Distribution>
void check_not_divided(const Distribution& distribution) {
  if constexpr (requires { static_cast<bool>(distribution.shard_optimizer); }) {
    if (!distribution.shard_optimizer) return;
    throw ConfigurationError(
        "the weights to evaluate are made of the optimizer's state, but each process keeps only a "
        "part of it; set distribution.shard_optimizer to false, or choose another optimizer.");
  }
}

/// What policies of different axes must agree on. Throws ConfigurationError.
template <class Policies>
void check_agreement(const Policies& policies) {
  if constexpr (has_own_averages<
                    std::remove_cvref_t<decltype(policies.template at<slot::optimizer>())>>) {
    check_not_divided(policies.template at<slot::distribution>());
  }
  const auto& schedule = policies.template at<slot::schedule>();
  if constexpr (requires { schedule.cycles_momentum(); }) {
    if (!schedule.cycles_momentum() || policies.template at<slot::optimizer>().has_momentum())
      return;
    throw ConfigurationError(
        "the schedule cycles momentum, but the optimizer has none; set schedule.cycle_momentum to "
        "false or choose another optimizer.");
  }
}

/// A policy that monitors, by a member `monitor`, a metric that no epoch of the run has. Throws
/// ConfigurationError.
template <class Policies>
void check_monitors(const Policies& policies, const Measured& measured) {
  policies.for_each([&]<class P>(const P& policy) {
    if constexpr (requires { static_cast<MetricName P::*>(&P::monitor); }) {
      check_monitor("policy " + std::string(P::name) + " of axis " + std::string(P::slot::name),
                    policy.monitor, measured);
    }
  });
}

/// A run that its schedule is not made for, or that its averaging policy gives no average. Throws
/// ConfigurationError.
template <class Policies>
void check_length(const Policies& policies, std::int64_t total_steps) {
  const auto check = [&]<class P>(const P& policy) {
    if constexpr (requires { policy.run_mistake(total_steps).empty(); }) {
      const std::string mistake = policy.run_mistake(total_steps);
      if (mistake.empty()) return;
      throw ConfigurationError(std::string(P::slot::name) + ": " + mistake + ".");
    }
  };
  check(policies.template at<slot::schedule>());
  check(policies.template at<slot::averaging>());
}

/// Returns `policies`. Throws ConfigurationError for numbers that no run can have.
template <class Policies>
const Policies& checked_policies(const Policies& policies) {
  policies.for_each([](const auto& policy) { check_policy(policy); });
  check_agreement(policies);
  return policies;
}

}  // namespace gradus
