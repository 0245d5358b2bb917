/// Batch norm, the sum with a shortcut and ReLU as one operation.
#pragma once

#include <gradus/model/detail/norm_passes.hpp>

#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/batchnorm.h>

#include <cstdint>
#include <optional>
#include <stdexcept>

namespace gradus {

namespace detail {

/// `x` as the fused passes take it: on the CPU, float32 or bfloat16, channels side by side.
inline bool has_channels_inside(const at::Tensor& x) {
  const bool type = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return x.is_cpu() && x.layout() == at::kStrided && x.dim() == 4 && type && x.numel() > 0 &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast) && !x.is_contiguous();
}

inline bool can_fuse(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& x,
                     const at::Tensor& shortcut) {
  if (!has_channels_inside(x) || !norm.options.affine()) return false;
  if (x.size(1) != norm.options.num_features() || norm.weight.scalar_type() != at::kFloat) {
    return false;
  }
  return !shortcut.defined() ||
         (shortcut.sizes() == x.sizes() && shortcut.scalar_type() == x.scalar_type() &&
          shortcut.is_cpu() && shortcut.is_contiguous(at::MemoryFormat::ChannelsLast));
}

/// What `norm` would do now; counts the batch, as its own `forward` does.
inline NormCall call_of(torch::nn::BatchNorm2dImpl& norm) {
  const bool tracks = norm.options.track_running_stats();
  NormCall call{norm.running_mean, norm.running_var, norm.is_training() || !tracks, 0,
                norm.options.eps()};
  if (norm.is_training() && tracks) {
    norm.num_batches_tracked += 1;
    const auto momentum = norm.options.momentum();
    call.update = momentum ? *momentum : 1 / norm.num_batches_tracked.item<double>();
  }
  return call;
}

using kernel::with_element_type;

struct NormRelu : torch::autograd::Function<NormRelu> {
  static at::Tensor run(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        const at::Tensor& shortcut, const NormCall& call,
                        ChannelStatistics& statistics) {
    const Walk walk{x.numel(), x.size(1)};
    return with_element_type(x, [&]<class T>(T) {
      statistics = call.from_batch ? batch_statistics(walk, x.const_data_ptr<T>(), call)
                                   : running_statistics(call);
      const auto scale = weight * statistics.inverse_std;
      return scale_add_relu<T>(walk, x, scale, bias - statistics.mean * scale, shortcut);
    });
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const std::optional<at::Tensor>& given, const NormCall& call) {
    RECORD_FUNCTION("gradus::norm_relu", {});
    const auto shortcut = given.value_or(at::Tensor());
    ChannelStatistics statistics;
    const auto out = run(x, weight, bias, shortcut, call, statistics);
    context->save_for_backward({x, out, weight, statistics.mean, statistics.inverse_std});
    context->saved_data["from_batch"] = call.from_batch;
    context->saved_data["shortcut"] = shortcut.defined();
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    if (at::GradMode::is_enabled()) {
      throw std::logic_error(
          "gradus::norm_relu has no second derivative; for one, keep the model's memory "
          "contiguous (layout Contiguous).");
    }
    RECORD_FUNCTION("gradus::norm_relu_backward", {});
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const Walk walk{x.numel(), x.size(1)};
    auto of = with_element_type(x, [&]<class T>(T) {
      return norm_relu_backward<T>(walk, gradient.to(x.scalar_type()), x, saved[1], saved[2],
                                   {saved[3], saved[4]}, context->saved_data["from_batch"].toBool(),
                                   context->saved_data["shortcut"].toBool());
    });
    return {of.x, of.weight, of.bias, of.shortcut, {}};
  }
};

}  // namespace detail

/// relu(norm(x) [+ shortcut]); x, shortcut and the result are [N, C, H, W].
///
/// Where channels lie side by side (`ChannelsLast`) on the CPU, in float32 or bfloat16, it is one
/// operation: two passes forward, two backward, nothing kept but x and the result; equal to
/// LibTorch's three operations but for rounding, in bfloat16 closer to float32 than they are. It
/// can't be differentiated twice. Elsewhere it is LibTorch's three operations.
inline at::Tensor norm_relu(torch::nn::BatchNorm2d& norm, const at::Tensor& x,
                            const at::Tensor& shortcut = {}) {
  if (!detail::can_fuse(*norm, x, shortcut)) {
    auto y = norm(x);
    if (shortcut.defined()) y = y.add_(shortcut);
    return y.relu_();
  }
  const auto call = detail::call_of(*norm);
  if (!at::GradMode::is_enabled()) {
    detail::ChannelStatistics unused;
    return detail::NormRelu::run(x, norm->weight, norm->bias, shortcut, call, unused);
  }
  const auto given = shortcut.defined() ? std::optional(shortcut) : std::nullopt;
  return detail::NormRelu::apply(x, norm->weight, norm->bias, given, call);
}

}  // namespace gradus
