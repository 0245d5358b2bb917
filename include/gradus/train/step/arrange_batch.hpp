/// A batch as the model is to see it: its device, resolution and layout.
#pragma once

#include <gradus/compose/refusal.hpp>
#include <gradus/core/batch.hpp>
#include <gradus/policy/resolution/full_resolution.hpp>
#include <gradus/train/step/call_mistakes.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <type_traits>
#include <utility>

namespace gradus {

/// Copies a batch, and waits for that.
template <class B>
[[nodiscard]] B on_device(const B& batch, c10::Device device) {
  return with_tensors(batch, [&](const at::Tensor& tensor) { return tensor.to(device); });
}

/// Arranges `batch.input`; of a batch that has no such tensor, all that it has.
template <class Policies, class B>
void arrange_layout(const Policies& policies, B& batch) {
  const auto& layout = policies.template at<slot::layout>();
  if constexpr (HasInput<B>) {
    batch.input = layout.arrange(batch.input);
  } else {
    batch = with_tensors(std::move(batch),
                         [&](const at::Tensor& tensor) { return layout.arrange(tensor); });
  }
}

/// Likewise, after `batch.input` is resized for `part` of the run, from 0 to 1.
template <class Policies, class B>
void arrange_batch(const Policies& policies, B& batch, double part) {
  const auto& resolution = policies.template at<slot::resolution>();
  using Resolution = std::remove_cvref_t<decltype(resolution)>;
  if constexpr (HasInput<B>) {
    batch.input = resolution.resize(batch.input, part);
  } else if constexpr (!std::is_same_v<Resolution, FullResolution>) {
    [[maybe_unused]] const Says<BatchMistake<B, Resolution>> refusal;
  }
  arrange_layout(policies, batch);
}

}  // namespace gradus
