/// The state of a run, to go on with bit for bit. Included by train/trainer.hpp.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/policy_settings.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <string>

namespace gradus {

namespace detail {

/// The entries of `part` as "prefix/name".
inline void put_part(StateDict& to, const std::string& prefix, const StateDict& part) {
  for (const auto& [name, tensor] : part.entries()) to.put(prefix + "/" + name, tensor);
}

inline StateDict part_of(const StateDict& whole, const std::string& prefix) {
  std::vector<NamedTensor> entries;
  for (const auto& [name, tensor] : whole.entries()) {
    if (name.starts_with(prefix + "/")) entries.push_back({name.substr(prefix.size() + 1), tensor});
  }
  return StateDict(std::move(entries));
}

}  // namespace detail

template <class M, class Policies>
StateDict BasicTrainer<M, Policies>::save_state() {
  StateDict state;
  const auto put = [&](const std::string& prefix, auto&& save) {
    StateDict part;
    save(part);
    detail::put_part(state, prefix, part);
  };
  for (const auto& [name, tensor] : parameters_) state.put("parameter/" + name, tensor);
  for (const auto& [name, tensor] : unique_buffers(*model_)) state.put("buffer/" + name, tensor);
  for (std::size_t i = 0; i < averaged_statistics_.size(); ++i) {
    state.put("averaged_buffer/" + std::to_string(i), averaged_statistics_[i]);
  }
  states_.for_each(policies_, [&](const auto& policy, auto& of) {
    put("policy/" + axis_key<std::remove_cvref_t<decltype(policy)>>(),
        [&](StateDict& part) { policy.save(of, part); });
  });
  put("losses", [&](StateDict& part) { meter_.save(part); });
  put("guard", [&](StateDict& part) { guard_.save(part); });
  put("progress", [&](StateDict& part) { progress_.save(part); });
  if (device_steps_) put("device_steps", [&](StateDict& part) { device_steps_->save(part); });
  state.put("random/cpu", at::detail::getDefaultCPUGenerator().get_state());
  if (run_.device.is_cuda()) {
    state.put("random/device", at::globalContext().defaultGenerator(run_.device).get_state());
  }
  return state;
}

template <class M, class Policies>
void BasicTrainer<M, Policies>::load_state(const StateDict& state) {
  for (auto& [name, tensor] : parameters_) state.get("parameter/" + name, tensor);
  for (auto& [name, tensor] : unique_buffers(*model_)) state.get("buffer/" + name, tensor);
  averaged_statistics_.clear();
  for (std::size_t i = 0; state.has("averaged_buffer/" + std::to_string(i)); ++i) {
    averaged_statistics_.push_back(
        state.copy("averaged_buffer/" + std::to_string(i)).to(run_.device));
  }
  states_.for_each(policies_, [&](const auto& policy, auto& of) {
    const auto key = "policy/" + axis_key<std::remove_cvref_t<decltype(policy)>>();
    policy.load(of, detail::part_of(state, key));
  });
  meter_.load(detail::part_of(state, "losses"));
  guard_.load(detail::part_of(state, "guard"));
  progress_.load(detail::part_of(state, "progress"));
  device_steps_state_ = detail::part_of(state, "device_steps");
  at::Generator host = at::detail::getDefaultCPUGenerator();
  host.set_state(state.copy("random/cpu"));
  if (run_.device.is_cuda()) {
    at::Generator device = at::globalContext().defaultGenerator(run_.device);
    device.set_state(state.copy("random/device"));
  }
  goes_on_ = true;
}

}  // namespace gradus
