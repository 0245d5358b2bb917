/// Tensors from idx files, and MNIST from its four.
#pragma once

#include <gradus/data/idx_header.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/error.hpp>
#include <gradus/files/read_file.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace gradus::data {

/// The dtype of the values of an idx file.
[[nodiscard]] constexpr at::ScalarType scalar_type(IdxType type) {
  switch (type) {
    case IdxType::i8:
      return at::kChar;
    case IdxType::i16:
      return at::kShort;
    case IdxType::i32:
      return at::kInt;
    case IdxType::f32:
      return at::kFloat;
    case IdxType::f64:
      return at::kDouble;
    default:
      return at::kByte;
  }
}

/// The values of a plain idx file, of its sizes and dtype, on the CPU. Throws DataError for a file
/// that is not there, is compressed, or is no header and exactly the values that it announces.
[[nodiscard]] inline at::Tensor read_idx(const std::filesystem::path& path) {
  const auto bytes =
      read_file<DataError>(path, "an idx file, unpacked by gunzip", [](std::uintmax_t) {});
  const auto header = parse_idx(path.string(), bytes);
  auto values = at::empty(header.sizes, scalar_type(header.type));
  const auto width = value_bytes(header.type);
  auto* to = static_cast<std::uint8_t*>(values.mutable_data_ptr());
  std::memcpy(to, bytes.data() + header.bytes, values.nbytes());
  for (auto* end = to + values.nbytes(); width > 1 && to != end; to += width) {
    std::reverse(to, to + width);  // the file is big-endian
  }
  return values;
}

/// Mean and deviation over the 60,000 training images.
[[nodiscard]] inline Normalization mnist_normalization() {
  return {.mean = {0.1307F}, .deviation = {0.3081F}};
}

/// The training and the test images, [N, 1, 28, 28], with labels 0 to 9.
struct Mnist {
  ImageDataset train;
  ImageDataset test;
};

/// Those of the training images, then those of the test images: images, labels.
inline constexpr std::array<std::string_view, 4> mnist_files{
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte"};

namespace detail {

inline ImageDataset read_mnist_part(const std::filesystem::path& images_path,
                                    const std::filesystem::path& labels_path,
                                    const Normalization& normalization) {
  auto images = read_idx(images_path);
  if (images.scalar_type() != at::kByte || images.dim() != 3 || images.size(1) != 28 ||
      images.size(2) != 28) {
    throw DataError(images_path.string() + " has values " + c10::str(images.sizes()) + " of type " +
                    c10::toString(images.scalar_type()) +
                    "; expected images [N, 28, 28] of type Byte: fetch the file again.");
  }
  const auto labels = read_idx(labels_path);
  if (labels.scalar_type() != at::kByte || labels.dim() != 1 || labels.size(0) != images.size(0)) {
    throw DataError(labels_path.string() + " has " + std::to_string(labels.numel()) +
                    " values of " + std::to_string(labels.dim()) +
                    " dimensions; expected one uint8 for each of " +
                    std::to_string(images.size(0)) + " images: fetch both files again.");
  }
  auto targets = at::empty({labels.size(0)}, at::kLong);
  const auto* from = labels.const_data_ptr<std::uint8_t>();
  auto* to = targets.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    to[i] = from[i];
    if (to[i] <= 9) continue;
    throw DataError(labels_path.string() + " has label " + std::to_string(to[i]) + " for image " +
                    std::to_string(i) +
                    " (from 0); expected one from 0 to 9: fetch the file again.");
  }
  return {images.view({images.size(0), 1, 28, 28}), std::move(targets), normalization};
}

}  // namespace detail

/// Reads the four files of `folder`, unpacked by gunzip: MNIST, or a set of its form such as
/// Fashion-MNIST, with a `normalization` of its own. Throws DataError with the file for values that
/// are no images of 28 x 28 uint8 and as many labels from 0 to 9, and if the test images are the
/// training images.
[[nodiscard]] inline Mnist read_mnist(const std::filesystem::path& folder,
                                      const Normalization& normalization = mnist_normalization()) {
  const auto part = [&](std::size_t first) {
    return detail::read_mnist_part(folder / mnist_files[first], folder / mnist_files[first + 1],
                                   normalization);
  };
  Mnist data{.train = part(0), .test = part(2)};
  if (data.train.fingerprint() == data.test.fingerprint()) {
    throw DataError(folder.string() + " has the training images as test images; expected others: " +
                    "fetch the files again.");
  }
  return data;
}

}  // namespace gradus::data
