/// Batch norm, the sum with a shortcut and ReLU as one operation.
#pragma once

#include <gradus/core/plain_operators.hpp>
#include <gradus/core/shared_norms.hpp>
#include <gradus/kernel/elements.hpp>
#include <gradus/model/detail/norm_gradients.hpp>
#include <gradus/model/detail/norm_on_cuda.hpp>
#include <gradus/model/detail/norm_passes.hpp>

#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/batchnorm.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

namespace gradus {

namespace detail {

/// `x` as the fused passes take it: float32 or bfloat16, channels side by side, on the CPU, or on
/// CUDA in packs of 16 bytes.
inline bool has_channels_inside(const at::Tensor& x) {
  if (uses_plain_operators()) return false;
  const bool type = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  if (x.layout() != at::kStrided || x.dim() != 4 || !type || x.numel() == 0 ||
      !x.is_contiguous(at::MemoryFormat::ChannelsLast) || x.is_contiguous()) {
    return false;
  }
  return x.is_cpu() || has_cuda_passes(x);
}

inline bool fits_beside(const at::Tensor& shortcut, const at::Tensor& x) {
  return shortcut.sizes() == x.sizes() && shortcut.scalar_type() == x.scalar_type() &&
         shortcut.device() == x.device() &&
         shortcut.is_contiguous(at::MemoryFormat::ChannelsLast) &&
         (x.is_cpu() || kernel::in_packs(shortcut));
}

inline bool can_fuse(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& x,
                     const at::Tensor& shortcut) {
  if (norms_are_shared() || !has_channels_inside(x) || !norm.options.affine()) return false;
  if (x.size(1) != norm.options.num_features() || norm.weight.scalar_type() != at::kFloat ||
      norm.weight.device() != x.device()) {
    return false;
  }
  return !shortcut.defined() || fits_beside(shortcut, x);
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

inline ChannelStatistics statistics_of(const at::Tensor& x, const NormCall& call) {
  if (!call.from_batch) return running_statistics(call);
  if (x.is_cuda()) return cuda_statistics(x, call);
  return with_element_type(x, [&]<class T>(T) {
    return batch_statistics(Walk{x.numel(), x.size(1)}, x.const_data_ptr<T>(), call);
  });
}

/// What a norm multiplies by and adds, [C] each.
inline std::pair<at::Tensor, at::Tensor> scale_and_offset(const ChannelStatistics& statistics,
                                                          const at::Tensor& weight,
                                                          const at::Tensor& bias) {
  const auto scale = weight * statistics.inverse_std;
  return {scale, bias - statistics.mean * scale};
}

inline void refuse_second_derivative() {
  if (!at::GradMode::is_enabled()) return;
  throw std::logic_error(
      "gradus::norm_relu has no second derivative; for one, keep the model's memory contiguous "
      "(layout Contiguous).");
}

/// The gradient of an output as the passes read it.
inline at::Tensor as_stored(const at::Tensor& gradient, const at::Tensor& x) {
  return gradient.contiguous(at::MemoryFormat::ChannelsLast).to(x.scalar_type());
}

struct NormRelu : torch::autograd::Function<NormRelu> {
  static at::Tensor run(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        const at::Tensor& shortcut, const ChannelStatistics& statistics) {
    if (x.is_cuda()) {
      return cuda_passes(x).forward(as_input({x, weight, statistics}, bias), shortcut, nullptr);
    }
    const auto [scale, offset] = scale_and_offset(statistics, weight, bias);
    return with_element_type(x, [&]<class T>(T) {
      return scale_add_relu<T>({x.numel(), x.size(1)}, x, scale, offset, shortcut);
    });
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const std::optional<at::Tensor>& given, const NormCall& call) {
    RECORD_FUNCTION("gradus::norm_relu", {});
    const auto statistics = statistics_of(x, call);
    const auto out = run(x, weight, bias, given.value_or(at::Tensor()), statistics);
    const bool made_again = x.is_cpu() && !given;  // backward, from x and what was added to it
    const auto offset =
        made_again ? scale_and_offset(statistics, weight, bias).second : at::Tensor();
    context->save_for_backward({x, made_again ? at::Tensor() : out, weight, statistics.mean,
                                statistics.inverse_std, offset});
    context->saved_data["from_batch"] = call.from_batch;
    context->saved_data["shortcut"] = given.has_value();
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    refuse_second_derivative();
    RECORD_FUNCTION("gradus::norm_relu_backward", {});
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &out = saved[1];
    const NormRecord norm{
        x, saved[2], {saved[3], saved[4]}, context->saved_data["from_batch"].toBool()};
    const auto dy = as_stored(gradients[0], x);
    if (x.is_cuda()) {
      const auto made = cuda_passes(x).backward(aligned(dy), out, as_input(norm), nullptr,
                                                context->saved_data["shortcut"].toBool());
      return {made.of.x, made.of.weight, made.of.bias, made.of_other.x, {}};
    }
    const Walk walk{x.numel(), x.size(1)};
    const auto [of, shortcut] = with_element_type(x, [&]<class T>(T) {
      return out.defined() ? norm_relu_backward<T>(walk, dy, norm, out)
                           : norm_relu_backward_again<T>(walk, dy, norm, saved[5]);
    });
    return {of.x, of.weight, of.bias, shortcut, {}};
  }
};

/// Of two norms: relu(norm(x) + other(shortcut)).
struct NormsRelu : torch::autograd::Function<NormsRelu> {
  static at::Tensor run(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        const ChannelStatistics& statistics, const at::Tensor& shortcut,
                        const at::Tensor& other_weight, const at::Tensor& other_bias,
                        const ChannelStatistics& other) {
    if (x.is_cuda()) {
      const auto beside = as_input({shortcut, other_weight, other}, other_bias);
      return cuda_passes(x).forward(as_input({x, weight, statistics}, bias), shortcut, &beside);
    }
    const auto [scale, offset] = scale_and_offset(statistics, weight, bias);
    const auto [other_scale, other_offset] = scale_and_offset(other, other_weight, other_bias);
    return with_element_type(x, [&]<class T>(T) {
      return scale_sum_relu<T>({x.numel(), x.size(1)}, x, scale, shortcut, other_scale,
                               offset + other_offset);
    });
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias, const NormCall& call,
                            const at::Tensor& shortcut, const at::Tensor& other_weight,
                            const at::Tensor& other_bias, const NormCall& other_call) {
    RECORD_FUNCTION("gradus::norms_relu", {});
    const auto statistics = statistics_of(x, call), other = statistics_of(shortcut, other_call);
    const auto out = run(x, weight, bias, statistics, shortcut, other_weight, other_bias, other);
    const auto offset = x.is_cpu() ? scale_and_offset(statistics, weight, bias).second +
                                         scale_and_offset(other, other_weight, other_bias).second
                                   : at::Tensor();
    context->save_for_backward({x, x.is_cpu() ? at::Tensor() : out, weight, statistics.mean,
                                statistics.inverse_std, shortcut, other_weight, other.mean,
                                other.inverse_std, offset});
    context->saved_data["from_batch"] = call.from_batch;
    context->saved_data["other_from_batch"] = other_call.from_batch;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    refuse_second_derivative();
    RECORD_FUNCTION("gradus::norms_relu_backward", {});
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const NormRecord norm{
        x, saved[2], {saved[3], saved[4]}, context->saved_data["from_batch"].toBool()};
    const NormRecord other{
        saved[5], saved[6], {saved[7], saved[8]}, context->saved_data["other_from_batch"].toBool()};
    if (x.is_cuda()) {
      const auto beside = as_input(other);
      const auto [of, of_other] = cuda_passes(x).backward(aligned(as_stored(gradients[0], x)),
                                                          saved[1], as_input(norm), &beside, true);
      return {of.x, of.weight, of.bias, {}, of_other.x, of_other.weight, of_other.bias, {}};
    }
    const auto [of, of_other] = with_element_type(x, [&]<class T>(T) {
      return norms_relu_backward<T>({x.numel(), x.size(1)}, as_stored(gradients[0], x), norm, other,
                                    saved[9]);
    });
    return {of.x, of.weight, of.bias, {}, of_other.x, of_other.weight, of_other.bias, {}};
  }
};

}  // namespace detail

/// relu(norm(x) [+ shortcut]); x, shortcut and the result are [N, C, H, W].
///
/// Where channels lie side by side (`ChannelsLast`) on the CPU, in float32 or bfloat16, it is one
/// operation: two passes forward, two backward; equal to LibTorch's three operations but for
/// rounding, in bfloat16 closer to float32 than they are. For backward it keeps what it was given,
/// and the result only where there is a shortcut. It can't be differentiated twice. On CUDA, where
/// the result is always kept, it is so if MathSettings::fused_norms allows it and C is a multiple
/// of 8. Elsewhere it is LibTorch's three operations.
inline at::Tensor norm_relu(torch::nn::BatchNorm2d& norm, const at::Tensor& x,
                            const at::Tensor& shortcut = {}) {
  if (!detail::can_fuse(*norm, x, shortcut)) {
    auto y = norm(x);
    if (shortcut.defined()) y = y.add_(shortcut);
    return y.relu_();
  }
  const auto call = detail::call_of(*norm);
  if (!at::GradMode::is_enabled()) {
    return detail::NormRelu::run(x, norm->weight, norm->bias, shortcut,
                                 detail::statistics_of(x, call));
  }
  const auto given = shortcut.defined() ? std::optional(shortcut) : std::nullopt;
  return detail::NormRelu::apply(x, norm->weight, norm->bias, given, call);
}

/// relu(norm(x) + other(shortcut)), likewise one operation or LibTorch's four.
inline at::Tensor norm_relu(torch::nn::BatchNorm2d& norm, const at::Tensor& x,
                            torch::nn::BatchNorm2d& other, const at::Tensor& shortcut) {
  if (!detail::can_fuse(*norm, x, shortcut) || !detail::can_fuse(*other, shortcut, {})) {
    return norm_relu(norm, x, other(shortcut));
  }
  const auto call = detail::call_of(*norm), other_call = detail::call_of(*other);
  if (!at::GradMode::is_enabled()) {
    return detail::NormsRelu::run(x, norm->weight, norm->bias, detail::statistics_of(x, call),
                                  shortcut, other->weight, other->bias,
                                  detail::statistics_of(shortcut, other_call));
  }
  return detail::NormsRelu::apply(x, norm->weight, norm->bias, call, shortcut, other->weight,
                                  other->bias, other_call);
}

}  // namespace gradus
