/// The state of a ModelStep, saved and loaded. Included by train/run_state.hpp and
/// train/stepper.hpp.
#pragma once

#include <gradus/core/state_dict.hpp>
#include <gradus/distributed/optimizer_shards.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/optimizer/state_place.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/step/model_step.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace gradus {

/// Whether a saved run has the state of policy `P` apart: averages go with the weights, and which
/// processes there are is no part of a run.
template <class P>
inline constexpr bool has_saved_state = !std::is_same_v<typename P::slot, slot::averaging> &&
                                        !std::is_same_v<typename P::slot, slot::distribution>;

/// Parameters, buffers, and what is averaged over both.
template <class M, class Policies>
void ModelStep<M, Policies>::save_weights(StateDict& to) {
  for (const auto& [name, tensor] : parameters_) to.put("parameter/" + name, tensor);
  for (const auto& [name, tensor] : unique_buffers(*model_)) to.put("buffer/" + name, tensor);
  for (std::size_t i = 0; i < averaged_statistics_.size(); ++i) {
    to.put("averaged_buffer/" + std::to_string(i), averaged_statistics_[i]);
  }
  if constexpr (Traits::averages && !Traits::averages_of_optimizer) {
    to.put_under("policy/averaging", [&](StateDict& part) {
      at<slot::averaging>().save(state<slot::averaging>(), part);
    });
  }
}

template <class M, class Policies>
void ModelStep<M, Policies>::load_weights(const StateDict& from) {
  for (auto& [name, tensor] : parameters_) from.get("parameter/" + name, tensor);
  for (auto& [name, tensor] : unique_buffers(*model_)) from.get("buffer/" + name, tensor);
  averaged_statistics_.clear();
  if constexpr (Traits::averages) {
    for (const auto& [name, buffer] : unique_buffers(*model_)) {
      const auto entry = "averaged_buffer/" + std::to_string(averaged_statistics_.size());
      if (!from.has(entry)) break;
      averaged_statistics_.push_back(at::empty_like(buffer));
      from.get(entry, averaged_statistics_.back());
    }
  }
  if constexpr (Traits::averages && !Traits::averages_of_optimizer) {
    const auto part = from.part("policy/averaging");
    at<slot::averaging>().load(state<slot::averaging>(), part);
    part.refuse_unread();
  }
}

/// The place of the parameter that an entry of the optimizer's state belongs to, by name.
template <class M, class Policies>
auto ModelStep<M, Policies>::place_of_optimizer_entry() const {
  return [this](std::string_view entry) {
    return place_of_entry(at<slot::optimizer>(), state<slot::optimizer>(), entry);
  };
}

template <class M, class Policies>
StateDict ModelStep<M, Policies>::own_optimizer_state() const {
  StateDict own;
  at<slot::optimizer>().save(state<slot::optimizer>(), own);
  return own;
}

/// What this rank takes of a whole state.
template <class M, class Policies>
StateDict ModelStep<M, Policies>::own_part(const StateDict& whole) const {
  if constexpr (Traits::distributes) {
    return shards()->part(whole, own_optimizer_state(), place_of_optimizer_entry());
  }
  return whole;
}

/// A joint call where it is divided over ranks.
template <class M, class Policies>
StateDict ModelStep<M, Policies>::whole_optimizer_state(bool keep) const {
  auto own = own_optimizer_state();
  if constexpr (Traits::distributes) {
    if (const auto* shards = this->shards()) {
      if (keep) shards->ask_for_help();
      return shards->whole(own, place_of_optimizer_entry(), keep);
    }
  }
  return own;
}

template <class M, class Policies>
void ModelStep<M, Policies>::save(StateDict& to) {
  check_own_weights("saved");
  save_weights(to);
  to.put("trained", trained(parameters_));
  states_.for_each(policies_, [&]<class P>(const P& policy, auto& of) {
    if constexpr (has_saved_state<P>) {
      to.put_under("policy/" + axis_key<P>(), [&](StateDict& part) {
        if (!is_divided<P>()) return policy.save(of, part);
        const auto whole = whole_optimizer_state(/*keep=*/true);
        for (const auto& [name, tensor] : whole.entries()) part.put(name, tensor);
      });
    }
  });
  to.put("order", order_of(parameters_));
  for (const auto& [name, tensor] : best_.entries()) to.put("best/" + name, tensor);
}

template <class M, class Policies>
void ModelStep<M, Policies>::load(const StateDict& from) {
  check_own_weights("loaded");
  if (from.number("order") != order_of(parameters_)) {
    throw CheckpointError(
        "the saved state has other parameters, or has them in another order, than this run's "
        "model; resume the configuration that it came from.");
  }
  set_trained(parameters_, from.copy("trained"));
  load_weights(from);
  states_.for_each(policies_, [&]<class P>(const P& policy, auto& of) {
    if constexpr (has_saved_state<P>) {
      auto part = from.part("policy/" + axis_key<P>());
      if (is_divided<P>()) part = own_part(part);
      policy.load(of, part);
      part.refuse_unread();
    }
  });
  best_ = {};
  const auto best = from.part("best");
  for (const auto& [name, tensor] : best.entries())
    best_.put(name, tensor);  // `from` may be reused
}

template <class M, class Policies>
void ModelStep<M, Policies>::keep_best() {
  best_ = StateDict::over(std::move(best_));
  save_weights(best_);
  if constexpr (Traits::averages_of_optimizer) {
    best_.put("trained", trained(parameters_));
    best_.put_under("optimizer", [&](StateDict& part) {
      at<slot::optimizer>().save(state<slot::optimizer>(), part);
    });
  }
}

template <class M, class Policies>
void ModelStep<M, Policies>::restore_best() {
  if (best_.entries().empty()) return;
  load_weights(best_);
  if constexpr (Traits::averages_of_optimizer) {  // what has been thawed since has no state there
    const auto now = trained(parameters_);
    set_trained(parameters_, best_.copy("trained"));
    at<slot::optimizer>().load(state<slot::optimizer>(), best_.part("optimizer"));
    set_trained(parameters_, now);
  }
  best_ = {};
}

}  // namespace gradus
