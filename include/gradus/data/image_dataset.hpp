/// Images held in memory as bytes, and the one pass that shifts, mirrors and normalises them.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>
#include <gradus/core/tensor_fingerprint.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/device_images.hpp>
#include <gradus/data/image_plane.hpp>
#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace gradus::data {

/// Per channel, in fractions of 255: a byte v becomes (v / 255 - mean) / deviation.
struct Normalization {
  std::vector<float> mean;
  std::vector<float> deviation;
};

/// Labelled images, [N, C, H, W] uint8 and [N] int64. Copies share the pixels.
///
/// A batch is [B, C, H, W] float32, normalised. Padding comes before normalisation, as in
/// torchvision's RandomCrop(padding) and then Normalize; the arithmetic is that of ToTensor and
/// Normalize in float32, so the values are equal to the last bit. Cost: one table look-up per pixel
/// and one allocation per tensor, no intra-op threads.
class ImageDataset {
 public:
  /// `images` [N, C, H, W] uint8 and `labels` [N] int64, both contiguous on the CPU. Throws
  /// DataError when they do not fit together, and when a deviation is not a positive number (a
  /// channel that is constant cannot be divided by its deviation).
  ImageDataset(at::Tensor images, at::Tensor labels, const Normalization& normalization)
      : images_(std::move(images)), labels_(std::move(labels)) {
    check_tensors();
    const auto channels = static_cast<std::size_t>(images_.size(1));
    check_normalization(normalization, channels);
    tables_.resize(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t value = 0; value < tables_[c].size(); ++value) {
        tables_[c][value] = (static_cast<float>(value) / 255.0F - normalization.mean[c]) /
                            normalization.deviation[c];
      }
    }
  }

  [[nodiscard]] std::int64_t size() const { return labels_.size(0); }
  [[nodiscard]] const at::Tensor& images() const { return images_; }
  [[nodiscard]] const at::Tensor& labels() const { return labels_; }
  [[nodiscard]] const at::Tensor& targets() const { return labels_; }

  /// The samples `indices`, unchanged but normalised.
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    return make_batch(indices, [](std::size_t) { return ImageTransform{}; });
  }

  /// The samples `indices`, sample k shifted and mirrored by `transforms[k]`.
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices,
                            std::span<const ImageTransform> transforms) const {
    if (transforms.size() != indices.size()) {
      throw DataError(
          "A batch of " + std::to_string(indices.size()) + " samples came with " +
          std::to_string(transforms.size()) +
          " image transforms; expected one for each sample: draw as many as there are.");
    }
    return make_batch(indices, [&](std::size_t k) { return transforms[k]; });
  }

  /// Of the pixels, the labels and what a byte becomes.
  [[nodiscard]] std::uint32_t fingerprint() const {
    return fingerprint_of(tables_, fingerprint_of(labels_, fingerprint_of(images_)));
  }

  /// What `on_device` takes there.
  [[nodiscard]] std::int64_t device_bytes() const { return DeviceImages::bytes_for(images_); }

  /// A copy on `device`, from which batches are made without the host. Throws ResourceError when
  /// there is no room.
  [[nodiscard]] DeviceImages on_device(c10::Device device) const {
    auto values = at::empty({images_.size(1), 256}, at::kFloat);
    auto* to = values.mutable_data_ptr<float>();
    for (const ByteTable& table : tables_) to = std::copy(table.begin(), table.end(), to);
    return {images_, labels_, values, device};
  }

  /// The first `count` samples, sharing the pixels. Throws DataError unless 1 <= count <= size().
  [[nodiscard]] ImageDataset take(std::int64_t count) const {
    if (count < 1 || count > size()) {
      throw DataError("Asked for the first " + std::to_string(count) + " samples of " +
                      std::to_string(size()) + "; expected a number from 1 to " +
                      std::to_string(size()) + ": ask for fewer, or give a larger dataset.");
    }
    ImageDataset first = *this;
    first.images_ = images_.narrow(0, 0, count);
    first.labels_ = labels_.narrow(0, 0, count);
    return first;
  }

 private:
  void check_tensors() const {
    const auto fits = [](const at::Tensor& tensor, std::int64_t dimensions, at::ScalarType type) {
      return tensor.defined() && tensor.device().is_cpu() && tensor.dim() == dimensions &&
             tensor.scalar_type() == type && tensor.is_contiguous();
    };
    if (!fits(images_, 4, at::kByte) || !fits(labels_, 1, at::kLong)) {
      throw DataError(
          "The tensors of an image dataset have another form than expected: give images "
          "[N, C, H, W] uint8 and labels [N] int64, contiguous and on the CPU.");
    }
    if (images_.size(0) != labels_.size(0) || images_.numel() == 0) {
      throw DataError("An image dataset was given " + std::to_string(images_.size(0)) +
                      " images and " + std::to_string(labels_.size(0)) +
                      " labels; expected as many of each, at least one, and no empty image: check "
                      "what was read.");
    }
  }

  static void check_normalization(const Normalization& normalization, std::size_t channels) {
    const auto& [mean, deviation] = normalization;
    if (mean.size() != channels || deviation.size() != channels) {
      throw DataError("The normalization has " + std::to_string(mean.size()) + " means and " +
                      std::to_string(deviation.size()) + " deviations for images of " +
                      std::to_string(channels) + " channels; give one of each per channel.");
    }
    for (std::size_t c = 0; c < channels; ++c) {
      if (!std::isfinite(mean[c]) || !std::isfinite(deviation[c]) || deviation[c] <= 0) {
        throw DataError("Channel " + std::to_string(c) + " has mean " + std::to_string(mean[c]) +
                        " and deviation " + std::to_string(deviation[c]) +
                        "; expected finite numbers and a deviation above 0: leave out a constant "
                        "channel, or give it deviation 1.");
      }
    }
  }

  template <class TransformOf>
  Batch make_batch(std::span<const std::int64_t> indices, TransformOf transform_of) const {
    const auto channels = images_.size(1);
    const auto height = images_.size(2);
    const auto width = images_.size(3);
    const auto samples = static_cast<std::int64_t>(indices.size());
    Batch result{at::empty({samples, channels, height, width}, at::kFloat),
                 at::empty({samples}, at::kLong)};
    const auto* images = images_.const_data_ptr<std::uint8_t>();
    const auto* labels = labels_.const_data_ptr<std::int64_t>();
    auto* input = result.input.mutable_data_ptr<float>();
    auto* target = result.target.mutable_data_ptr<std::int64_t>();

    for (std::size_t k = 0; k < indices.size(); ++k) {
      const auto index = indices[k];
      if (index < 0 || index >= size()) {
        throw DataError("Sample " + std::to_string(index) + " was asked of a dataset of " +
                        std::to_string(size()) + "; expected an index from 0 to " +
                        std::to_string(size() - 1) + ": check the sampling.");
      }
      target[k] = labels[index];
      const ImageTransform transform = transform_of(k);
      const auto* plane = images + index * channels * height * width;
      const auto columns = padded_columns(width, transform);
      for (const ByteTable& table : tables_) {
        if (columns.empty()) {
          write_plane(plane, input, height, width, transform, table);
        } else {
          write_padded_plane(plane, input, height, columns, transform, table);
        }
        erase(input, height, width, transform.erased);
        plane += height * width;
        input += height * width;
      }
    }
    return result;
  }

  at::Tensor images_;  // [N, C, H, W] uint8
  at::Tensor labels_;  // [N] int64
  std::vector<ByteTable> tables_;
};

static_assert(AugmentableDataset<ImageDataset> && ResidentDataset<ImageDataset>);

}  // namespace gradus::data
