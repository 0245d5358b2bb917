/// A set that lies in memory as tensors.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>
#include <gradus/core/memory_form.hpp>
#include <gradus/core/tensor_fingerprint.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/device/out_of_memory.hpp>
#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/Device.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <utility>

namespace gradus::data {

/// All samples as one batch of any form, a row of each tensor for each:
///
///     const TensorDataset train(Batch{.input = table, .target = prices});
///
/// A batch holds copies of the rows that were asked for, made by plain loops in the calling thread.
/// The set can lie on a device.
template <BatchForm B>
class TensorDataset {
 public:
  /// Throws DataError if the tensors differ in rows, or there is none. Tensors on a device, or
  /// strided, are copied.
  explicit TensorDataset(const B& all)
      : all_(with_tensors(
            all, [](const at::Tensor& tensor) { return plain_values(tensor.detach().cpu()); })) {
    const auto tensors = tensors_of(all_);
    size_ = tensors.empty() ? 0 : rows_of(tensors.front());
    bool agree = size_ > 0;
    visit_tensors(all_,
                  [&](const at::Tensor& tensor) { agree = agree && rows_of(tensor) == size_; });
    if (agree) return;
    throw DataError("The tensors of a dataset have " + rows_of_all(all_) +
                    " rows; expected one for each sample in each, and at least one sample.");
  }

  [[nodiscard]] std::int64_t size() const { return size_; }

  /// Throws DataError for an index outside.
  [[nodiscard]] B batch(std::span<const std::int64_t> indices) const {
    for (const auto index : indices) {
      if (index >= 0 && index < size_) continue;
      throw DataError("Sample " + std::to_string(index) + " was asked for, but the dataset has " +
                      std::to_string(size_) + "; expected an index from 0 to size - 1.");
    }
    return with_tensors(all_,
                        [&](const at::Tensor& tensor) { return chosen_rows(tensor, indices); });
  }

  /// All samples.
  [[nodiscard]] const B& all() const { return all_; }

  /// Of all values, their types and shapes.
  [[nodiscard]] std::uint32_t fingerprint() const {
    std::uint32_t sum = 0;
    visit_tensors(all_, [&](const at::Tensor& tensor) { sum = fingerprint_of(tensor, sum); });
    return sum;
  }

  [[nodiscard]] std::int64_t device_bytes() const {
    std::size_t bytes = 0;
    visit_tensors(all_, [&](const at::Tensor& tensor) { bytes += tensor.nbytes(); });
    return static_cast<std::int64_t>(bytes);
  }

  [[nodiscard]] at::Tensor targets() const
    requires HasTarget<B>
  {
    return all_.target;
  }

  /// The set on a device, of which an epoch takes rows there.
  class OnDevice {
   public:
    OnDevice(B all, c10::Device device) : all_(std::move(all)), device_(device) {}

    class Epoch {
     public:
      Epoch(B all, at::Tensor order) : all_(std::move(all)), order_(std::move(order)) {}

      [[nodiscard]] B batch(std::int64_t first, std::int64_t count) const {
        const auto rows = order_.narrow(0, first, count);
        return with_tensors(all_,
                            [&](const at::Tensor& tensor) { return tensor.index_select(0, rows); });
      }

     private:
      B all_;
      at::Tensor order_;
    };

    /// Samples have no transforms: `transforms` is empty.
    [[nodiscard]] Epoch epoch(std::span<const std::int64_t> order,
                              std::span<const ImageTransform> = {}) const {
      const auto size = static_cast<std::int64_t>(order.size());
      const auto host =
          at::from_blob(const_cast<std::int64_t*>(order.data()), {size}, at::dtype(at::kLong));
      return Epoch(all_,
                   host.to(device_, host.scalar_type(), /*non_blocking=*/false, /*copy=*/true));
    }

   private:
    B all_;
    c10::Device device_;
  };

  /// Throws ResourceError where there is no room.
  [[nodiscard]] OnDevice on_device(c10::Device device) const {
    try {
      return OnDevice(with_tensors(all_, [&](const at::Tensor& t) { return t.to(device); }),
                      device);
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error)) throw;
      throw ResourceError("The dataset takes " + std::to_string(device_bytes()) + " bytes on " +
                          device.str() + ", which has not as much free: " + said_by(error));
    }
  }

 private:
  /// A plain loop: `index_select` would take threads of its own.
  static at::Tensor chosen_rows(const at::Tensor& tensor, std::span<const std::int64_t> indices) {
    auto sizes = tensor.sizes().vec();
    sizes[0] = static_cast<std::int64_t>(indices.size());
    auto rows = at::empty(sizes, tensor.options());
    const auto bytes = tensor.nbytes() / static_cast<std::size_t>(tensor.size(0));
    const auto* from = static_cast<const char*>(tensor.const_data_ptr());
    auto* to = static_cast<char*>(rows.mutable_data_ptr());
    for (const auto index : indices) {
      std::memcpy(to, from + static_cast<std::size_t>(index) * bytes, bytes);
      to += bytes;
    }
    return rows;
  }

  B all_;
  std::int64_t size_ = 0;
};

}  // namespace gradus::data
