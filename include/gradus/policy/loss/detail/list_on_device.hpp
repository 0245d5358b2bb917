/// A list of a policy's numbers as a tensor.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/Device.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace gradus::detail {

/// [n], of the type and on the device of `like`. Each list is copied to a device once, for the copy
/// waits and a graph cannot hold it; it stays there until the program ends. It is fit to train with
/// also where the first call is in inference mode.
inline at::Tensor list_on_device(const std::vector<double>& values, const at::Tensor& like) {
  using Key = std::tuple<std::string, c10::ScalarType, std::vector<double>>;
  static std::mutex mutex;
  static auto& known = *new std::map<Key, at::Tensor>;  // never destroyed: CUDA ends before it
  const std::lock_guard lock(mutex);
  auto& list = known[{like.device().str(), like.scalar_type(), values}];
  if (!list.defined()) {
    const c10::InferenceMode training_too(false);
    auto host = at::empty({static_cast<std::int64_t>(values.size())}, at::kDouble);
    std::copy(values.begin(), values.end(), host.mutable_data_ptr<double>());
    list = host.to(like.options().requires_grad(false));
  }
  return list;
}

}  // namespace gradus::detail
