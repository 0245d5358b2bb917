/// The state of a ModelStep, saved and loaded. Included by train/run_state.hpp and
/// train/stepper.hpp.
#pragma once

#include <gradus/core/state_dict.hpp>
#include <gradus/error.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/step/model_step.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace gradus {

template <class M, class Policies>
void ModelStep<M, Policies>::save(StateDict& to) {
  for (const auto& [name, tensor] : parameters_) to.put("parameter/" + name, tensor);
  to.put("trained", trained(parameters_));
  for (const auto& [name, tensor] : unique_buffers(*model_)) to.put("buffer/" + name, tensor);
  for (std::size_t i = 0; i < averaged_statistics_.size(); ++i) {
    to.put("averaged_buffer/" + std::to_string(i), averaged_statistics_[i]);
  }
  states_.for_each(policies_, [&](const auto& policy, auto& of) {
    to.put_under("policy/" + axis_key<std::remove_cvref_t<decltype(policy)>>(),
                 [&](StateDict& part) { policy.save(of, part); });
  });
  to.put("order", order_of(parameters_));
}

template <class M, class Policies>
void ModelStep<M, Policies>::load(const StateDict& from) {
  if (from.number("order") != order_of(parameters_)) {
    throw CheckpointError(
        "the saved state has other parameters, or has them in another order, than this run's "
        "model; resume the configuration that it came from.");
  }
  for (auto& [name, tensor] : parameters_) from.get("parameter/" + name, tensor);
  const auto saved = from.copy("trained");
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].tensor.requires_grad_(saved[static_cast<std::int64_t>(i)].template item<bool>());
  }
  for (auto& [name, tensor] : unique_buffers(*model_)) from.get("buffer/" + name, tensor);
  averaged_statistics_.clear();
  if (Traits::averages && from.has("averaged_buffer/0")) {
    for (const auto& [name, buffer] : unique_buffers(*model_)) {
      averaged_statistics_.push_back(at::empty_like(buffer));
      from.get("averaged_buffer/" + std::to_string(averaged_statistics_.size() - 1),
               averaged_statistics_.back());
    }
  }
  states_.for_each(policies_, [&](const auto& policy, auto& of) {
    const auto part = from.part("policy/" + axis_key<std::remove_cvref_t<decltype(policy)>>());
    policy.load(of, part);
    part.refuse_unread();
  });
}

}  // namespace gradus
