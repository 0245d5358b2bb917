/// Some gradients side by side in memory.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/distributed/communicator.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace gradus::detail {

/// Gradients of one type on one device.
struct GradientBucket {
  struct Member {
    at::Tensor parameter;
    std::int64_t first = 0;   ///< element of the bucket
    at::Tensor view;          ///< in the form of the parameter
    bool is_there = false;    ///< whether this window has a gradient of it
    bool is_awaited = false;  ///< of the last pass
    decltype(torch::autograd::impl::grad_accumulator(std::declval<at::Tensor>())) accumulator{};
    std::uintptr_t key = 0;

    void unhook() {
      if (accumulator) accumulator->del_post_hook(key);
      accumulator = {};
    }
  };

  std::vector<Member> members;
  std::int64_t values = 0;
  at::Tensor flat;  ///< the gradients, and behind them for each member how many ranks use it
  at::Tensor sent;  ///< in another type, if there is one
  std::size_t awaited = 0;
  std::unique_ptr<PendingSum> pending;

  void make() {
    const auto& first = members.front().parameter;
    const auto count = static_cast<std::int64_t>(members.size());
    flat = at::zeros({values + count}, first.options().requires_grad(false));
    for (auto& member : members) {
      const auto& form = member.parameter;
      member.view = form.is_non_overlapping_and_dense()
                        ? flat.as_strided(form.sizes(), form.strides(), member.first)
                        : flat.narrow(0, member.first, form.numel()).view(form.sizes());
    }
  }
  [[nodiscard]] at::Tensor uses() const {
    return real_parts(flat.narrow(0, values, flat.numel() - values))
        .reshape({static_cast<std::int64_t>(members.size()), -1})
        .select(1, 0);
  }
};

}  // namespace gradus::detail
