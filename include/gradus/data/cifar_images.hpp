/// Records of CIFAR as a dataset of images.
#pragma once

#include <gradus/data/cifar_form.hpp>
#include <gradus/data/image_dataset.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace gradus::data {

/// The records of `files`, one file behind the other: images [N, 3, 32, 32], and of their labels
/// the one at `place` in the record. The bytes are whole records.
[[nodiscard]] inline ImageDataset cifar_images(const CifarForm& form, std::size_t place,
                                               std::span<const std::vector<std::uint8_t>> files,
                                               const Normalization& normalization) {
  std::size_t bytes = 0;
  for (const auto& file : files) bytes += file.size();
  const auto count = static_cast<std::int64_t>(bytes / form.record_bytes());
  auto images = at::empty({count, 3, 32, 32}, at::kByte);
  auto labels = at::empty({count}, at::kLong);
  auto* pixels = images.mutable_data_ptr<std::uint8_t>();
  auto* label = labels.mutable_data_ptr<std::int64_t>();
  for (const auto& file : files) {
    for (std::size_t at = 0; at < file.size(); at += form.record_bytes()) {
      *label++ = file[at + place];
      std::memcpy(pixels, &file[at + form.labels.size()], cifar_pixel_bytes);
      pixels += cifar_pixel_bytes;
    }
  }
  return {std::move(images), std::move(labels), normalization};
}

}  // namespace gradus::data
