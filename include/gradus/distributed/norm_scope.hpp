/// Batch norms over the samples of all processes.
#pragma once

#include <gradus/core/shared_norms.hpp>
#include <gradus/device/interposed_key.hpp>
#include <gradus/distributed/communicator.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/instance_norm.h>
#include <ATen/ops/var_mean.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace gradus {

namespace detail {

inline Communicator*& ranks_of_norms() {
  thread_local Communicator* ranks = nullptr;
  return ranks;
}

/// The numbers of a channel, in `x` [N, C, ...], as a dimension of their own: for tensors [C].
inline at::Tensor by_channel(const at::Tensor& values, const at::Tensor& x) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(x.dim()), 1);
  sizes[1] = x.size(1);
  return values.reshape(sizes);
}
inline std::vector<std::int64_t> all_but_channels(const at::Tensor& x) {
  std::vector<std::int64_t> list{0};
  for (std::int64_t i = 2; i < x.dim(); ++i) list.push_back(i);
  return list;
}
inline at::Tensor as_computed(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

/// Of all ranks, [C] in float64.
struct SharedStatistics {
  at::Tensor mean, variance;
  double count = 0;  ///< numbers of a channel
};

/// From the mean and the variance of each rank, so that nothing is lost where a mean is large.
inline SharedStatistics shared_statistics(Communicator& ranks, const at::Tensor& x) {
  const auto channels = x.size(1);
  const auto here = static_cast<double>(x.numel() / channels);
  const auto [variance, mean] =
      at::var_mean(as_computed(x), all_but_channels(x), /*correction=*/at::Scalar(0));
  const auto options = at::device(x.device()).dtype(at::kDouble);
  const auto of_all = at::zeros({ranks.size(), 2 * channels + 1}, options);
  of_all[ranks.rank()].copy_(
      at::cat({mean.to(at::kDouble), variance.to(at::kDouble), at::full({1}, here, options)}));
  ranks.sum(of_all);
  const auto counts = of_all.narrow(1, 2 * channels, 1);
  const auto total = counts.sum();
  const auto means = of_all.narrow(1, 0, channels);
  const auto shared = (means * counts).sum(0) / total;
  const auto spread = of_all.narrow(1, channels, channels) + (means - shared).square();
  return {shared, (spread * counts).sum(0) / total, total.item<double>()};
}

/// Sums over ranks in the forward pass and in the backward pass, so all of them make both.
struct SharedNorm : torch::autograd::Function<SharedNorm> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const SharedStatistics& statistics, double eps, Communicator* ranks) {
    const auto values = as_computed(x);
    const auto like_x = [&](const at::Tensor& of) {
      return by_channel(of.to(values.scalar_type()), x);
    };
    const auto inverse_std = (statistics.variance + eps).rsqrt();
    auto y = (values - like_x(statistics.mean)) * like_x(inverse_std);
    if (weight.defined()) y = y * like_x(weight);
    if (bias.defined()) y = y + like_x(bias);
    context->save_for_backward({x, weight, statistics.mean, inverse_std});
    context->saved_data["count"] = statistics.count;
    context->saved_data["ranks"] = reinterpret_cast<std::int64_t>(ranks);
    return y.to(x.scalar_type());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    auto& ranks = *reinterpret_cast<Communicator*>(context->saved_data["ranks"].toInt());
    const auto values = as_computed(x);
    const auto like_x = [&](const at::Tensor& of) {
      return by_channel(of.to(values.scalar_type()), x);
    };
    const auto dy = as_computed(gradients[0]);
    const auto normed = (values - like_x(saved[2])) * like_x(saved[3]);
    const auto over = all_but_channels(x);
    const auto of_bias = dy.sum(over), of_weight = (dy * normed).sum(over);
    const auto sums = at::cat({of_bias, of_weight}).to(at::kDouble);
    ranks.sum(sums);
    const auto means = (sums / context->saved_data["count"].toDouble()).chunk(2);
    auto scale = saved[3];
    if (weight.defined()) scale = scale * weight.to(at::kDouble);
    const auto dx = (dy - like_x(means[0]) - normed * like_x(means[1])) * like_x(scale);
    const auto as_weight = [&](const at::Tensor& of) {
      return weight.defined() ? of.to(weight.scalar_type()) : of;
    };
    return {dx.to(x.scalar_type()),
            weight.defined() ? as_weight(of_weight) : at::Tensor(),
            context->needs_input_grad(2) ? as_weight(of_bias) : at::Tensor(),
            {},
            {},
            {}};
  }
};

inline at::Tensor scoped_batch_norm(const at::Tensor& x, const std::optional<at::Tensor>& weight,
                                    const std::optional<at::Tensor>& bias,
                                    const std::optional<at::Tensor>& running_mean,
                                    const std::optional<at::Tensor>& running_var, bool training,
                                    double momentum, double eps, bool cudnn_enabled) {
  const c10::impl::ExcludeDispatchKeyGuard off(interposed_key);
  auto* ranks = ranks_of_norms();
  if (ranks == nullptr || !training || x.dim() < 2 || x.numel() == 0) {
    return at::batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps,
                          cudnn_enabled);
  }
  SharedStatistics statistics;
  {
    const at::NoGradGuard no_grad;
    statistics = shared_statistics(*ranks, x);
    const auto follow = [&](const std::optional<at::Tensor>& running, const at::Tensor& value) {
      if (!running || !running->defined()) return;
      running->lerp_(value.to(running->scalar_type()), momentum);
    };
    const double count = statistics.count;
    follow(running_mean, statistics.mean);
    follow(running_var, statistics.variance * (count / std::max(count - 1, 1.0)));
  }
  return SharedNorm::apply(x, weight.value_or(at::Tensor()), bias.value_or(at::Tensor()),
                           statistics, eps, ranks);
}

/// LibTorch makes it of a batch norm, whose channels are the samples of this process.
inline at::Tensor own_instance_norm(const at::Tensor& x, const std::optional<at::Tensor>& weight,
                                    const std::optional<at::Tensor>& bias,
                                    const std::optional<at::Tensor>& running_mean,
                                    const std::optional<at::Tensor>& running_var,
                                    bool use_input_stats, double momentum, double eps,
                                    bool cudnn_enabled) {
  const c10::impl::ExcludeDispatchKeyGuard off(interposed_key);
  return at::instance_norm(x, weight, bias, running_mean, running_var, use_input_stats, momentum,
                           eps, cudnn_enabled);
}

}  // namespace detail

/// While it lives, batch norms that train in this thread, whatever module they are in, take mean
/// and variance over the samples of all ranks. Each rank makes the same forward passes and backward
/// passes, and the communicator outlives them. Nothing changes where `ranks` is null.
class NormScope {
 public:
  explicit NormScope(Communicator* ranks)
      : before_(std::exchange(detail::ranks_of_norms(), ranks)),
        shared_before_(std::exchange(norms_are_shared(), ranks != nullptr)) {
    if (ranks == nullptr) return;
    static const auto& registered = interposed_operators()
                                        .impl("batch_norm", TORCH_FN(detail::scoped_batch_norm))
                                        .impl("instance_norm", TORCH_FN(detail::own_instance_norm));
    static_cast<void>(registered);
    key_.emplace(interposed_key);
  }
  NormScope(const NormScope&) = delete;
  NormScope& operator=(const NormScope&) = delete;
  ~NormScope() {
    detail::ranks_of_norms() = before_;
    norms_are_shared() = shared_before_;
  }

 private:
  Communicator* before_;
  bool shared_before_;
  std::optional<c10::impl::IncludeDispatchKeyGuard> key_;
};

}  // namespace gradus
