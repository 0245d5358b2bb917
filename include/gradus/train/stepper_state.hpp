/// The state of a stepper. Included by train/stepper.hpp.
#pragma once

#include <gradus/core/state_dict.hpp>
#include <gradus/error.hpp>
#include <gradus/train/step/model_state.hpp>
#include <gradus/train/stepper.hpp>

namespace gradus {

/// Not yet read. Waits for the device.
template <class M, class Policies>
std::int64_t BasicStepper<M, Policies>::skipped_on_device() {
  return step_.device_steps() ? meter_.skipped_on_device() : 0;
}

template <class M, class Policies>
StateDict BasicStepper<M, Policies>::state() {
  StateDict all;
  step_.save(all);
  all.put_under("losses", [&](StateDict& part) { meter_.save(part); });
  all.put_under("guard", [&](StateDict& part) { step_.guard().save(part); });
  all.put("steps", steps_ - skipped_on_device());
  all.put("windows", windows_);
  all.put("epoch", epoch_);
  all.put("since_reading", since_reading_);
  all.put("total_steps", settings_.total_steps);
  all.put("micro_batches", window_size());
  if (auto& device = step_.device_steps()) {
    all.put_under("device_steps", [&](StateDict& part) { device->save(part); });
  }
  return all;
}

template <class M, class Policies>
void BasicStepper<M, Policies>::take(const StateDict& from) {
  if (from.number("total_steps") != settings_.total_steps ||
      from.number("micro_batches") != window_size()) {
    throw CheckpointError(
        "the saved state is of a stepper with other total_steps or another "
        "accumulation; resume the configuration that it came from.");
  }
  step_.load(from);
  meter_.load(from.part("losses"));
  step_.guard().load(from.part("guard"));
  windows_ = from.number("windows");
  since_reading_ = from.number("since_reading");
  begin_epoch(from.number("epoch"));
  steps_ = from.number("steps") + skipped_on_device();  // as the reading will take them off
  const auto device_steps = from.part("device_steps");
  if (auto& device = step_.device_steps()) {
    device_steps.has("taken") ? device->load(device_steps)
                              : device->go_on_after(from.number("steps"));
  }
}

template <class M, class Policies>
void BasicStepper<M, Policies>::load_state(const StateDict& from) {
  check_between_steps("loaded");
  const auto before = state();
  try {
    take(from);
    from.refuse_unread();
  } catch (...) {
    take(before);
    throw;
  }
}

}  // namespace gradus
