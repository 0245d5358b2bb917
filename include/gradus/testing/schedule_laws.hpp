/// Laws of the schedule axis.
#pragma once

#include <gradus/policy/schedule/concept.hpp>
#include <gradus/testing/common_laws.hpp>
#include <gradus/testing/metric_laws.hpp>

#include <cmath>
#include <cstdint>
#include <string>

namespace gradus::testing {

/// A schedule without: its rates depend on the step alone.
template <class P>
void pure_schedule_laws(BrokenLaws& laws, const P& policy) {
  constexpr double rate = 0.125;
  bool sets_momentum = false;
  for (const std::int64_t total : {1, 2, 3, 10, 97, 1000}) {
    const auto of = " in a run of " + std::to_string(total) + " steps";
    for (std::int64_t step = 0; step < total; ++step) {
      const auto rates = policy.at(step, total, rate);
      const auto again = policy.at(step, total, rate);
      laws.law(rates.learning_rate == again.learning_rate && rates.momentum == again.momentum,
               "the rates are a pure function of the step" + of);
      laws.law(std::isfinite(rates.learning_rate) && rates.learning_rate >= 0,
               "the learning rate is finite and not negative" + of);
      if (rates.momentum) {
        sets_momentum = true;
        laws.law(*rates.momentum >= 0 && *rates.momentum < 1, "momentum lies in [0, 1)" + of);
      }
    }
  }
  bool says_so = false;
  if constexpr (requires { policy.cycles_momentum(); }) says_so = policy.cycles_momentum();
  laws.law(says_so == sets_momentum, "`cycles_momentum()` says whether it sets momentum");
}

/// A schedule with run state: its rates depend on nothing else, and its state can be saved.
template <class P>
void stateful_schedule_laws(BrokenLaws& laws, const P& policy) {
  auto state = policy.start({});
  for (std::int64_t epoch = 1; epoch <= 40; ++epoch) {
    const auto rate = policy.at(state, epoch, 40, 0.125).learning_rate;
    laws.law(rate == policy.at(state, epoch, 40, 0.125).learning_rate,
             "the rates are a pure function of the state and the step");
    laws.law(std::isfinite(rate) && rate >= 0, "the learning rate is finite and not negative");
    policy.after_epoch(state, {.epoch = epoch, .train_loss = 1, .test = {}});
  }
  state_laws(laws, policy, state, policy.start({}));

  auto falling = policy.start({});
  const double begin = policy.at(falling, 0, 40, 0.125).learning_rate;
  for (const double loss : falling_losses()) {
    policy.after_epoch(falling, record_of(loss));
    laws.law(policy.at(falling, 0, 40, 0.125).learning_rate == begin,
             "a loss that falls is better, however large or far below zero");
  }
  const auto before = copy_of_state(policy, falling);
  for (int epoch = 0; epoch < 100; ++epoch) policy.after_epoch(falling, EpochRecord{});
  laws.law(same_state(copy_of_state(policy, falling), before),
           "an epoch without a metric does not count");
}

template <class P>
void axis_laws(slot::schedule, BrokenLaws& laws, const P& policy) {
  if constexpr (!PureSchedulePolicy<P>) {
    stateful_schedule_laws(laws, policy);
  } else {
    pure_schedule_laws(laws, policy);
  }
}

}  // namespace gradus::testing
