/// The state of a run, to go on with bit for bit. Included by train/trainer.hpp.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/files/crc32c.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/run/history_state.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

namespace detail {

/// Run states go by the place of a parameter in this list, not by its name.
inline std::int64_t order_of(const std::vector<NamedTensor>& parameters) {
  std::uint32_t sum = 0;
  for (const auto& parameter : parameters) sum = crc32c(parameter.name + '\n', sum);
  return sum;
}

/// Which parameters are trained, the others being frozen: bool [parameters].
inline at::Tensor trained(const std::vector<NamedTensor>& parameters) {
  auto flags = at::empty({static_cast<std::int64_t>(parameters.size())}, at::kBool);
  auto* flag = flags.mutable_data_ptr<bool>();
  for (const auto& parameter : parameters) *flag++ = parameter.tensor.requires_grad();
  return flags;
}

}  // namespace detail

template <class M, class Policies>
StateDict BasicTrainer<M, Policies>::save_state(StateDict earlier) {
  auto state = StateDict::over(std::move(earlier));
  const auto put = [&](const std::string& prefix, auto&& fill) { state.put_under(prefix, fill); };
  for (const auto& [name, tensor] : parameters_) state.put("parameter/" + name, tensor);
  state.put("trained", detail::trained(parameters_));
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
  auto known = progress_;
  if (device_steps_) known.take_off(meter_.skipped_on_device());
  put("progress", [&](StateDict& part) { known.save(part); });
  put("data", [&](StateDict& part) { data_.save(part); });
  put("time", [&](StateDict& part) { clock_.save(part); });
  if (device_steps_) put("device_steps", [&](StateDict& part) { device_steps_->save(part); });
  save_history(history_, MetricTallies<Policies>(policies_).values(), state);
  state.put("order", detail::order_of(parameters_));
  state.put("random/cpu", at::detail::getDefaultCPUGenerator().get_state());
  if (run_.device.is_cuda()) {
    state.put("random/device", at::globalContext().defaultGenerator(run_.device).get_state());
  }
  return state;
}

template <class M, class Policies>
void BasicTrainer<M, Policies>::load_state(const StateDict& state) {
  const auto before = save_state();
  const bool went_on = goes_on_;
  try {
    take_state(state);
    state.refuse_unread();
  } catch (...) {
    take_state(before);
    goes_on_ = went_on;
    throw;
  }
}

template <class M, class Policies>
void BasicTrainer<M, Policies>::take_state(const StateDict& state) {
  if (state.number("order") != detail::order_of(parameters_)) {
    throw CheckpointError(
        "the saved state has other parameters, or has them in another order, than this run's "
        "model; resume the configuration that it came from.");
  }
  for (auto& [name, tensor] : parameters_) state.get("parameter/" + name, tensor);
  const auto trained = state.copy("trained");
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].tensor.requires_grad_(trained[static_cast<std::int64_t>(i)].item<bool>());
  }
  for (auto& [name, tensor] : unique_buffers(*model_)) state.get("buffer/" + name, tensor);
  averaged_statistics_.clear();
  if (averages && state.has("averaged_buffer/0")) {
    for (const auto& [name, buffer] : unique_buffers(*model_)) {
      averaged_statistics_.push_back(at::empty_like(buffer));
      state.get("averaged_buffer/" + std::to_string(averaged_statistics_.size() - 1),
                averaged_statistics_.back());
    }
  }
  const auto take = [&](const std::string& prefix, auto&& load) {
    const auto part = state.part(prefix);
    load(part);
    part.refuse_unread();
  };
  states_.for_each(policies_, [&](const auto& policy, auto& of) {
    take("policy/" + axis_key<std::remove_cvref_t<decltype(policy)>>(),
         [&](const StateDict& part) { policy.load(of, part); });
  });
  take("losses", [&](const StateDict& part) { meter_.load(part); });
  take("guard", [&](const StateDict& part) { guard_.load(part); });
  take("progress", [&](const StateDict& part) { progress_.load(part); });
  take("data", [&](const StateDict& part) { data_ = DataMarks::saved(part); });
  clock_.load(state.part("time"));
  history_ = load_history(state, MetricTallies<Policies>(policies_).values());
  device_steps_state_ = state.part("device_steps");
  at::Generator host = at::detail::getDefaultCPUGenerator();
  host.set_state(state.copy("random/cpu"));
  // A run on another kind of device has none: its weights can be looked at here all the same.
  if (state.has("random/device") && run_.device.is_cuda()) {
    at::Generator device = at::globalContext().defaultGenerator(run_.device);
    device.set_state(state.copy("random/device"));
  }
  goes_on_ = true;
}

}  // namespace gradus
