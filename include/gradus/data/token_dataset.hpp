/// A long text of tokens, in windows.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>
#include <gradus/core/tensor_fingerprint.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/detail/token_windows.hpp>
#include <gradus/device/out_of_memory.hpp>
#include <gradus/error.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/Device.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus::data {

/// The bytes of a text as ids [n] uint8: a vocabulary of 256.
[[nodiscard]] inline at::Tensor byte_ids(std::string_view text) {
  auto ids = at::empty({static_cast<std::int64_t>(text.size())}, at::kByte);
  std::memcpy(ids.mutable_data_ptr(), text.data(), text.size());
  return ids;
}

/// Sample i is the window of `context` ids from i * `stride` on; its target are the ids that follow
/// each: Batch of `input` and `target` [N, context] int64, as NextToken takes them. The last ids
/// that fill no window are left out. The set can lie on a device.
class TokenDataset {
 public:
  /// `ids` [n] uint8, int16, int32 or int64. Without a `stride` windows do not overlap. Throws
  /// DataError for ids of another form, or too few for one window.
  explicit TokenDataset(const at::Tensor& ids, std::int64_t context, std::int64_t stride = 0)
      : windows_{.context = context, .stride = stride == 0 ? context : stride} {
    const auto type = ids.scalar_type();
    const bool whole =
        type == at::kByte || type == at::kShort || type == at::kInt || type == at::kLong;
    if (ids.dim() != 1 || !whole || context < 1 || windows_.stride < 1) {
      throw DataError("A token dataset was given ids " + c10::str(type, " ", ids.sizes()) +
                      " for windows of " + std::to_string(context) + " every " +
                      std::to_string(windows_.stride) +
                      "; expected ids [n] of a type of whole numbers, and windows of at least 1.");
    }
    if (ids.size(0) <= context) {
      throw DataError("A token dataset was given " + std::to_string(ids.size(0)) +
                      " tokens; expected at least " + std::to_string(context + 1) +
                      ", a window and the token behind it.");
    }
    ids_ = ids.detach().cpu().contiguous();
  }

  [[nodiscard]] std::int64_t size() const { return windows_.count(ids_.size(0)); }

  /// Throws DataError for an index outside.
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    switch (ids_.scalar_type()) {
      case at::kByte:
        return windows<std::uint8_t>(indices);
      case at::kShort:
        return windows<std::int16_t>(indices);
      case at::kInt:
        return windows<std::int32_t>(indices);
      default:
        return windows<std::int64_t>(indices);
    }
  }

  /// Of the ids, their type and how they are cut.
  [[nodiscard]] std::uint32_t fingerprint() const {
    return fingerprint_of(ids_, fingerprint_of(std::vector{windows_.context, windows_.stride}));
  }

  [[nodiscard]] std::int64_t device_bytes() const {
    return static_cast<std::int64_t>(ids_.nbytes());
  }

  /// The ids on a device, where windows are cut.
  class OnDevice {
   public:
    OnDevice(at::Tensor ids, std::int64_t context, std::int64_t stride)
        : ids_(std::move(ids)),
          window_(at::arange(context + 1, ids_.options().dtype(at::kLong))),
          stride_(stride) {}

    struct Epoch {
      at::Tensor ids;     ///< of the whole text
      at::Tensor window;  ///< 0 to context
      at::Tensor starts;  ///< int64 [samples]

      [[nodiscard]] Batch batch(std::int64_t first, std::int64_t count) const {
        const auto places = starts.narrow(0, first, count).unsqueeze(1) + window;
        const auto cut = ids.index_select(0, places.flatten()).to(at::kLong).view(places.sizes());
        const auto context = places.size(1) - 1;
        return {cut.narrow(1, 0, context).contiguous(), cut.narrow(1, 1, context).contiguous()};
      }
    };

    /// Samples have no transforms: `transforms` is empty.
    [[nodiscard]] Epoch epoch(std::span<const std::int64_t> order,
                              std::span<const ImageTransform> = {}) const {
      const auto size = static_cast<std::int64_t>(order.size());
      const auto host = at::from_blob(const_cast<std::int64_t*>(order.data()), {size}, at::kLong);
      return {ids_, window_, host.to(window_.device()) * stride_};
    }

   private:
    at::Tensor ids_;
    at::Tensor window_;  ///< 0 to context
    std::int64_t stride_;
  };

  /// Throws ResourceError where there is no room.
  [[nodiscard]] OnDevice on_device(c10::Device device) const {
    try {
      return {ids_.to(device), windows_.context, windows_.stride};
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error)) throw;
      throw ResourceError("The text takes " + std::to_string(device_bytes()) + " bytes on " +
                          device.str() + ", which has not as much free: " + said_by(error));
    }
  }

 private:
  template <class Id>
  [[nodiscard]] Batch windows(std::span<const std::int64_t> indices) const {
    return windows_.batch(ids_.const_data_ptr<Id>(), ids_.size(0), indices, "text");
  }

  at::Tensor ids_;
  detail::TokenWindows windows_;
};
static_assert(ResidentDataset<TokenDataset>);

}  // namespace gradus::data
