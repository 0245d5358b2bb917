/// The precision axis: which numeric type the forward pass computes in. Weights stay float32.
#pragma once

#include <gradus/core/slot.hpp>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <concepts>
#include <string>

namespace gradus {

/// What a precision policy settled on for one device, kept in the run's record.
struct PrecisionChoice {
  c10::ScalarType type = c10::kFloat;  ///< of the operators that autocast covers
  bool scaled = false;                 ///< whether gradients are scaled
  std::string reason;
};

/// A precision policy
/// - says by `choose(device)` what it will compute in, before anything runs;
/// - makes by `start(device)` its run state, once per run;
/// - gives by `forward_scope(state)` an object that lives for the forward pass and the loss of one
///   micro-batch, and no longer;
/// - may have a gradient scaler: `scaler(state)` returns it or a null pointer.
template <class P>
concept PrecisionPolicy = PolicyOf<P, slot::precision> &&
    requires(const P& policy, typename P::State& state, c10::Device device) {
  { policy.choose(device) } -> std::same_as<PrecisionChoice>;
  { policy.start(device) } -> std::same_as<typename P::State>;
  policy.forward_scope(state);
  policy.scaler(state);
};

}  // namespace gradus
