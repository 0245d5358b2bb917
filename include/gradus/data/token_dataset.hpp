/// A long text of tokens, in windows.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/device/out_of_memory.hpp>
#include <gradus/error.hpp>
#include <gradus/files/crc32c.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>

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
      : context_(context), stride_(stride == 0 ? context : stride) {
    const auto type = ids.scalar_type();
    const bool whole =
        type == at::kByte || type == at::kShort || type == at::kInt || type == at::kLong;
    if (ids.dim() != 1 || !whole || context < 1 || stride_ < 1 || ids.size(0) <= context) {
      throw DataError("A token dataset was given ids of " + std::to_string(ids.dim()) +
                      " dimensions and " + std::to_string(ids.numel()) + " tokens for windows of " +
                      std::to_string(context) + " every " + std::to_string(stride_) +
                      "; expected ids [n] of a type of whole numbers, and more than one window.");
    }
    ids_ = ids.detach().cpu().contiguous();
  }

  [[nodiscard]] std::int64_t size() const { return (ids_.size(0) - 1 - context_) / stride_ + 1; }

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

  /// Of the ids and how they are cut.
  [[nodiscard]] std::uint32_t fingerprint() const {
    const std::array cut{context_, stride_};
    const auto sum = crc32c({reinterpret_cast<const char*>(cut.data()), sizeof(cut)});
    return crc32c({static_cast<const char*>(ids_.const_data_ptr()), ids_.nbytes()}, sum);
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
      return {ids_.to(device), context_, stride_};
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error)) throw;
      throw ResourceError("The text takes " + std::to_string(device_bytes()) + " bytes on " +
                          device.str() + ", which has not as much free: " + said_by(error));
    }
  }

 private:
  template <class Id>
  [[nodiscard]] Batch windows(std::span<const std::int64_t> indices) const {
    const auto count = static_cast<std::int64_t>(indices.size());
    Batch batch{at::empty({count, context_}, at::kLong), at::empty({count, context_}, at::kLong)};
    auto* input = batch.input.mutable_data_ptr<std::int64_t>();
    auto* target = batch.target.mutable_data_ptr<std::int64_t>();
    for (const auto index : indices) {
      if (index < 0 || index >= size()) {
        throw DataError("Window " + std::to_string(index) + " was asked for, but the text has " +
                        std::to_string(size()) + "; expected an index from 0 to size - 1.");
      }
      const auto* from = ids_.const_data_ptr<Id>() + index * stride_;
      input = std::copy(from, from + context_, input);
      target = std::copy(from + 1, from + 1 + context_, target);
    }
    return batch;
  }

  at::Tensor ids_;
  std::int64_t context_;
  std::int64_t stride_;
};
static_assert(ResidentDataset<TokenDataset>);

}  // namespace gradus::data
