/// Images that lie on a device as bytes, gathered and varied there in a few operators a batch.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>
#include <gradus/data/pinned.hpp>
#include <gradus/device/out_of_memory.hpp>
#include <gradus/error.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Device.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace gradus::data {

/// The batches of an order of samples, made on the device: no host reads or waits for any of them.
///
/// What it needs of each sample was computed at once for all: 640 bytes for 32 x 32 pixels. A
/// batch is then one gather of bytes, their widening, one look-up of float32 values, one gather of
/// labels; what is erased costs two operators more.
class DeviceEpoch {
 public:
  /// Samples [first, first + count) of the order: `input` [count, C, H, W] float32, `target`
  /// [count] int64, on the device.
  [[nodiscard]] Batch batch(std::int64_t first, std::int64_t count) const {
    using Indices = c10::List<std::optional<at::Tensor>>;
    const auto part = [&](const at::Tensor& all) {
      return all.size(0) == 1 ? all : all.narrow(0, first, count);
    };
    const auto index = order_.narrow(0, first, count);
    const auto bytes = at::index(
        images_, Indices({index.view({-1, 1, 1, 1}), channels_, part(rows_), part(columns_)}));
    auto codes = bytes.to(at::kLong);
    if (erased_rows_.defined()) {
      codes.masked_fill_(part(erased_rows_).logical_and(part(erased_columns_)), erased_code);
    }
    return {at::index(values_, Indices({channels_, codes})), labels_.index_select(0, index)};
  }

 private:
  friend class DeviceImages;
  static constexpr std::int64_t erased_code = 256;  // behind the 256 of a byte

  at::Tensor images_;                        // [N, C, H + 1, W + 1] uint8, the last ones black
  at::Tensor labels_;                        // [N] int64
  at::Tensor values_;                        // [C, 257] float32, the last one 0
  at::Tensor channels_;                      // [1, C, 1, 1] int64
  at::Tensor order_;                         // [n] int64
  at::Tensor rows_, columns_;                // [n or 1, 1, H, 1] and [n or 1, 1, 1, W] int64
  at::Tensor erased_rows_, erased_columns_;  // likewise bool, if anything is erased
};

/// A copy of labelled images on a device, [N, C, H, W] uint8 and [N] int64. Copies share it.
///
/// Its batches equal those of the ImageDataset it came from to the last bit, on every device: the
/// float32 values are looked up in the same table, not computed again. Each image has a black row
/// and column behind its last ones, where whatever lies outside the image is found.
class DeviceImages {
 public:
  /// `images` and `labels` on the CPU; `values` [C, 256] float32, what each byte becomes. Throws
  /// ResourceError when the device has no room: `bytes_for(images)`, and for a moment as much as
  /// `images` again.
  DeviceImages(const at::Tensor& images, const at::Tensor& labels, const at::Tensor& values,
               c10::Device device)
      : height_(images.size(2)), width_(images.size(3)) {
    try {
      const auto bytes = at::device(device).dtype(at::kByte);
      images_ = at::zeros({images.size(0), images.size(1), height_ + 1, width_ + 1}, bytes);
      images_.narrow(2, 0, height_).narrow(3, 0, width_).copy_(images);
      labels_ = labels.to(device);
      values_ = at::cat({values, at::zeros({values.size(0), 1})}, 1).to(device);
      channels_ = at::arange(images.size(1), at::device(device).dtype(at::kLong));
      channels_ = channels_.view({1, -1, 1, 1});
    } catch (const c10::Error& error) {
      if (!is_out_of_memory(error)) throw;
      throw ResourceError("the data set takes " + mebibytes(bytes_for(images)) + " on " +
                          device.str() +
                          ", which are not free there; choose the loading policy Prefetch, which "
                          "keeps it in host memory, or train on fewer samples.");
    }
  }

  /// What a copy of `images` and their labels takes on a device.
  [[nodiscard]] static std::int64_t bytes_for(const at::Tensor& images) {
    constexpr std::int64_t label = 8;
    return images.size(0) * (images.size(1) * (images.size(2) + 1) * (images.size(3) + 1) + label);
  }

  [[nodiscard]] std::int64_t size() const { return labels_.size(0); }
  [[nodiscard]] std::int64_t bytes() const {
    return static_cast<std::int64_t>(images_.nbytes() + labels_.nbytes());
  }

  /// The samples `order`, sample k varied by `transforms[k]`; unchanged without transforms. One
  /// upload for all of them, from pinned memory where there is some. Throws DataError for an index
  /// outside the set, and for another number of transforms than samples.
  [[nodiscard]] DeviceEpoch epoch(std::span<const std::int64_t> order,
                                  std::span<const ImageTransform> transforms = {}) const {
    check(order, transforms);
    const auto uploaded = upload(packed(order, transforms));
    DeviceEpoch epoch;
    epoch.images_ = images_;
    epoch.labels_ = labels_;
    epoch.values_ = values_;
    epoch.channels_ = channels_;
    epoch.order_ = uploaded[0];
    const auto options = uploaded.options();
    const auto y = at::arange(height_, options).view({1, 1, -1, 1});
    const auto x = at::arange(width_, options).view({1, 1, 1, -1});
    if (transforms.empty()) {
      epoch.rows_ = y;
      epoch.columns_ = x;
      return epoch;
    }
    const auto of_each = [&](std::int64_t row) { return uploaded[row].view({-1, 1, 1, 1}); };
    const auto mirrored = x + of_each(3) * (width_ - 1 - 2 * x);
    const auto modes = of_each(8);
    epoch.rows_ = source_pixels(y + of_each(1), height_, modes);
    epoch.columns_ = source_pixels(mirrored + of_each(2), width_, modes);
    if (std::any_of(transforms.begin(), transforms.end(), erases)) {
      epoch.erased_rows_ = y.ge(of_each(4)).logical_and_(y.lt(of_each(5)));
      epoch.erased_columns_ = x.ge(of_each(6)).logical_and_(x.lt(of_each(7)));
    }
    return epoch;
  }

 private:
  static bool erases(const ImageTransform& transform) {
    return transform.erased.height > 0 && transform.erased.width > 0;
  }

  void check(std::span<const std::int64_t> order,
             std::span<const ImageTransform> transforms) const {
    if (!transforms.empty() && transforms.size() != order.size()) {
      throw DataError("An order of " + std::to_string(order.size()) + " samples came with " +
                      std::to_string(transforms.size()) +
                      " image transforms; expected one for each sample, or none: draw as many as "
                      "there are.");
    }
    for (const auto index : order) {
      if (index >= 0 && index < size()) continue;
      throw DataError("Sample " + std::to_string(index) + " was asked of a dataset of " +
                      std::to_string(size()) + "; expected an index from 0 to " +
                      std::to_string(size() - 1) + ": check the sampling.");
    }
  }

  /// [1, n]: the samples; or [9, n]: and dy, dx, flip, top, bottom, left, right and the padding
  /// mode of each.
  static at::Tensor packed(std::span<const std::int64_t> order,
                           std::span<const ImageTransform> transforms) {
    const auto count = order.size();
    const std::int64_t rows = transforms.empty() ? 1 : 9;
    auto all = at::empty({rows, static_cast<std::int64_t>(count)}, at::kLong);
    auto* to = all.mutable_data_ptr<std::int64_t>();
    std::copy(order.begin(), order.end(), to);
    for (std::size_t k = 0; k < transforms.size(); ++k) {
      const auto& [dy, dx, flip, erased, padding_mode] = transforms[k];
      const std::array<std::int64_t, 8> numbers{dy,
                                                dx,
                                                flip ? 1 : 0,
                                                erased.top,
                                                erased.top + erased.height,
                                                erased.left,
                                                erased.left + erased.width,
                                                static_cast<std::int64_t>(padding_mode)};
      for (std::size_t row = 0; row < numbers.size(); ++row)
        to[(row + 1) * count + k] = numbers[row];
    }
    return all;
  }

  [[nodiscard]] at::Tensor upload(const at::Tensor& host) const {
    const auto device = images_.device();
    if (!device.is_cuda() || !can_pin_memory()) return host.to(device);
    return pinned(host).to(device, host.scalar_type(), /*non_blocking=*/true);
  }

  /// `source_pixel` of `positions` by the modes of each sample; the black one is behind the last.
  static at::Tensor source_pixels(const at::Tensor& positions, std::int64_t size,
                                  const at::Tensor& modes) {
    const auto is = [&](PaddingMode mode) { return modes.eq(static_cast<std::int64_t>(mode)); };
    const auto inside = positions.ge(0).logical_and_(positions.lt(size));
    const auto nearest = positions.clamp(0, size - 1);
    const auto period = std::max<std::int64_t>(2 * (size - 1), 1);
    const auto place = positions.remainder(period);
    const auto mirrored = at::minimum(place, period - place).clamp_max_(size - 1);
    const auto outside = at::where(is(PaddingMode::reflect), mirrored, nearest)
                             .masked_fill_(is(PaddingMode::constant), size);
    return at::where(inside, positions, outside);
  }

  static std::string mebibytes(std::int64_t bytes) {
    return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
  }

  std::int64_t height_, width_;
  at::Tensor images_, labels_, values_, channels_;  // as in DeviceEpoch
};

}  // namespace gradus::data
