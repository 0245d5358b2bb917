/// The state of a run, to resume it bit for bit. Included by train/trainer.hpp.
#pragma once

#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/run/history_state.hpp>
#include <gradus/train/step/model_state.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

template <class M, class Policies>
StateDict BasicTrainer<M, Policies>::save_state(StateDict earlier) {
  auto state = StateDict::over(std::move(earlier));
  const auto put = [&](const std::string& prefix, auto&& fill) { state.put_under(prefix, fill); };
  model_step_.save(state);
  put("losses", [&](StateDict& part) { meter_.save(part); });
  put("guard", [&](StateDict& part) { model_step_.guard().save(part); });
  auto known = progress_;
  auto& device_steps = model_step_.device_steps();
  const bool counts_on_device = device_steps && !goes_on_;  // else they are an earlier run's
  if (counts_on_device) known.take_off(meter_.skipped_on_device());
  put("progress", [&](StateDict& part) { known.save(part); });
  put("data", [&](StateDict& part) { data_.save(part); });
  put("time", [&](StateDict& part) { clock_.save(part); });
  if (stream_place_) {
    put("stream", [&](StateDict& part) {
      for (const auto& [name, tensor] : stream_place_->entries()) part.put(name, tensor);
    });
  }
  put("device_steps", [&](StateDict& part) {
    if (counts_on_device) return device_steps->save(part);
    for (const auto& [name, tensor] : device_steps_state_.entries()) part.put(name, tensor);
  });
  save_history(history_, MetricTallies<Policies>(policies()).values(), state);
  state.put("random/cpu", at::detail::getDefaultCPUGenerator().get_state());
  if (run_.device.is_cuda()) {
    state.put("random/device", at::globalContext().defaultGenerator(run_.device).get_state());
  }
  return state;
}

template <class M, class Policies>
void BasicTrainer<M, Policies>::load_state(const StateDict& state) {
  open_run_.check("loaded");
  const auto before = save_state();
  const bool went_on = goes_on_;
  try {
    take_state(state);
    state.refuse_unread();
  } catch (...) {
    take_state(before);
    goes_on_ = went_on;
    if (!went_on) {
      device_steps_state_ = {};
      if (model_step_.device_steps()) progress_.take_off(-meter_.skipped_on_device());
    }
    throw;
  }
}

template <class M, class Policies>
void BasicTrainer<M, Policies>::take_state(const StateDict& state) {
  model_step_.load(state);
  const auto take = [&](const std::string& prefix, auto&& load) {
    const auto part = state.part(prefix);
    load(part);
    part.refuse_unread();
  };
  take("losses", [&](const StateDict& part) { meter_.load(part); });
  take("guard", [&](const StateDict& part) { model_step_.guard().load(part); });
  take("progress", [&](const StateDict& part) { progress_.load(part); });
  take("data", [&](const StateDict& part) { data_ = DataMarks::saved(part); });
  clock_.load(state.part("time"));
  history_ = load_history(state, MetricTallies<Policies>(policies()).values());
  device_steps_state_ = state.part("device_steps");
  stream_place_ = std::make_shared<const StateDict>(state.part("stream"));
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
