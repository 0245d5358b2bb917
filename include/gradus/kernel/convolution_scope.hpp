/// Puts chosen ways in the place of LibTorch's `conv2d`, for one thread and a while.
#pragma once

#include <gradus/device/interposed_key.hpp>
#include <gradus/kernel/choosing.hpp>
#include <gradus/kernel/convolution_choices.hpp>
#include <gradus/kernel/convolution_function.hpp>
#include <gradus/kernel/library_convolution.hpp>

#include <ATen/TensorSubclassLikeUtils.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

namespace gradus {

namespace kernel {

inline c10::intrusive_ptr<ConvolutionChoices>& choices_of_thread() {
  thread_local c10::intrusive_ptr<ConvolutionChoices> choices;
  return choices;
}

/// The arguments of `conv2d`.
struct ConvolutionArguments {
  const at::Tensor& x;
  const at::Tensor& weight;
  const std::optional<at::Tensor>& bias;
  c10::SymIntArrayRef stride, padding, dilation;
  const c10::SymInt& groups;

  [[nodiscard]] at::Tensor by_library() const {
    const c10::impl::ExcludeDispatchKeyGuard off(interposed_key);
    return at::conv2d_symint(x, weight, bias, stride, padding, dilation, groups);
  }
};

/// Whether a tensor is what kernels read: dense memory of the processor, without a tangent.
inline bool is_plain(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.layout() == at::kStrided && !tensor.is_neg() &&
         !tensor._is_zerotensor() && !at::isTensorSubclassLike(tensor) &&
         !tensor._fw_grad(/*level=*/0).defined();
}

/// The number that one side and the other have, or nothing if they differ or are no sides.
inline std::optional<std::int64_t> both(c10::SymIntArrayRef pair) {
  if (pair.empty() || pair.size() > 2) return std::nullopt;
  const auto first = pair.front().maybe_as_int();
  if (!first || pair.back().maybe_as_int() != first) return std::nullopt;
  return first;
}

/// What those arguments ask for, if other ways than LibTorch's can serve them, or its own is at
/// fault.
inline std::optional<ConvolutionCall> served(const ConvolutionArguments& of) {
  const auto& [x, weight, bias, stride, padding, dilation, groups] = of;
  const auto type = weight.scalar_type();
  if (!is_plain(x) || !is_plain(weight) || (type != at::kFloat && type != at::kBFloat16) ||
      x.scalar_type() != type || x.dim() != 4 || weight.dim() != 4 || x.numel() == 0 ||
      weight.numel() == 0 || groups != 1 || both(dilation) != 1 ||
      weight.size(2) != weight.size(3) || x.size(1) != weight.size(1)) {
    return std::nullopt;
  }
  if (bias && bias->defined() &&
      (!is_plain(*bias) || bias->scalar_type() != type || bias->dim() != 1 ||
       bias->size(0) != weight.size(0) || !bias->is_contiguous())) {
    return std::nullopt;
  }
  const auto step = both(stride), around = both(padding);
  if (!step || !around || *step < 1 || *around < 0) return std::nullopt;
  const ConvolutionShape shape{
      {x.size(0), x.size(2), x.size(3), x.size(1)}, weight.size(0), weight.size(2), *step, *around};
  const auto smallest = std::min(shape.in.height, shape.in.width) + 2 * shape.padding;
  if (smallest < shape.taps) return std::nullopt;
  const bool at_fault = reads_stale_memory(shape, type, ConvolutionPart::forward) ||
                        reads_stale_memory(shape, type, ConvolutionPart::weight_gradient);
  if (ways_for(shape, type).size() == 1 && !at_fault) return std::nullopt;
  const bool channels_last = x.suggest_memory_format() == at::MemoryFormat::ChannelsLast ||
                             weight.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
  return ConvolutionCall{shape, type, channels_last};
}

/// `tensor` in the type that autocast gives to convolutions now.
inline at::Tensor as_autocast(const at::Tensor& tensor) {
  if (!tensor.is_cpu() || !at::autocast::is_autocast_enabled(at::kCPU)) return tensor;
  return at::autocast::cached_cast(at::autocast::get_autocast_dtype(at::kCPU), tensor, at::kCPU);
}

inline at::Tensor scoped_conv2d(const at::Tensor& x, const at::Tensor& weight,
                                const std::optional<at::Tensor>& bias, c10::SymIntArrayRef stride,
                                c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation,
                                c10::SymInt groups) {
  const ConvolutionArguments given{x, weight, bias, stride, padding, dilation, groups};
  const auto& choices = choices_of_thread();
  if (!choices) return given.by_library();
  const c10::impl::ExcludeDispatchKeyGuard off(interposed_key);
  const auto input = as_autocast(x), filters = as_autocast(weight);
  const auto added = bias && bias->defined() ? std::optional(as_autocast(*bias)) : std::nullopt;
  const auto call = served({input, filters, added, stride, padding, dilation, groups});
  if (!call) return at::conv2d_symint(input, filters, added, stride, padding, dilation, groups);
  return Convolution::apply(input, filters, added, *call, choices);
}

/// What `layer(x)` asks for, if it is served and has no bias.
inline std::optional<ConvolutionCall> served(const torch::nn::Conv2dImpl& layer,
                                             const at::Tensor& x, const at::Tensor& weight) {
  const auto& options = layer.options;
  const auto* padding = std::get_if<torch::ExpandingArray<2>>(&options.padding());
  if (padding == nullptr || options.bias() ||
      !std::holds_alternative<torch::enumtype::kZeros>(options.padding_mode())) {
    return std::nullopt;
  }
  const auto symbols = [](const torch::ExpandingArray<2>& pair) {
    return c10::fromIntArrayRefSlow(at::IntArrayRef(*pair));
  };
  return served({x, weight, std::nullopt, symbols(options.stride()), symbols(*padding),
                 symbols(options.dilation()), options.groups()});
}

inline std::optional<Branches> scoped_branches(const at::Tensor& x, torch::nn::Conv2dImpl& first,
                                               torch::nn::Conv2dImpl* projection) {
  const auto& choices = choices_of_thread();
  const auto input = as_autocast(x);
  if (!choices || !at::GradMode::is_enabled() || !input.requires_grad()) return std::nullopt;
  if (projection == nullptr && !input.is_same(x)) return std::nullopt;  // x itself goes around
  const c10::impl::ExcludeDispatchKeyGuard off(interposed_key);
  const auto weight = as_autocast(first.weight);
  const auto call = served(first, input, weight);
  if (!call) return std::nullopt;
  std::optional<at::Tensor> around;
  auto around_call = call;
  if (projection != nullptr) {
    around = as_autocast(projection->weight);
    around_call = served(*projection, input, *around);
    if (!around_call) return std::nullopt;
  }
  const auto made = BranchedConvolution::apply(input, weight, *call, around, *around_call, choices);
  return Branches{made[0], made[1]};
}

/// Makes LibTorch ask `scoped_conv2d` under the key, once in a process.
inline void register_convolution() {
  static const auto& registered = interposed_operators().impl("conv2d", TORCH_FN(scoped_conv2d));
  static_cast<void>(registered);
}

}  // namespace kernel

/// While it lives, each `conv2d` that this thread calls, whatever module it is in, goes the way
/// that `choices` have for it, if there are several, and is LibTorch's otherwise. So do its
/// gradients, whenever they are computed. Scopes nest.
class ConvolutionScope {
 public:
  explicit ConvolutionScope(c10::intrusive_ptr<ConvolutionChoices> choices)
      : before_((kernel::register_convolution(),
                 std::exchange(kernel::choices_of_thread(), std::move(choices)))),
        kernels_before_(std::exchange(kernel::convolution_kernels(), &kernels)),
        key_(interposed_key) {}
  ConvolutionScope(const ConvolutionScope&) = delete;
  ConvolutionScope& operator=(const ConvolutionScope&) = delete;
  ~ConvolutionScope() {
    kernel::convolution_kernels() = kernels_before_;
    kernel::choices_of_thread() = std::move(before_);
  }

 private:
  static constexpr kernel::ConvolutionKernels kernels{&kernel::scoped_branches};

  c10::intrusive_ptr<ConvolutionChoices> before_;
  const kernel::ConvolutionKernels* kernels_before_;
  c10::impl::IncludeDispatchKeyGuard key_;
};

}  // namespace gradus
