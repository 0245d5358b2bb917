/// A folder of PNG and JPEG files, a sub-folder for each class; needs libpng and libjpeg (target
/// gradus::images).
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>
#include <gradus/core/tensor_fingerprint.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/data/image_file.hpp>
#include <gradus/data/image_files.hpp>
#include <gradus/data/image_pixels.hpp>
#include <gradus/data/image_resize.hpp>
#include <gradus/error.hpp>
#include <gradus/files/crc32c.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace gradus::data {

/// The means and deviations that torchvision's models for ImageNet were trained with.
[[nodiscard]] inline Normalization imagenet_normalization() {
  return {.mean = {0.485F, 0.456F, 0.406F}, .deviation = {0.229F, 0.224F, 0.225F}};
}

/// What becomes of an image of another size: an error, the whole of it stretched, or the largest
/// part around its middle that has the form, scaled.
enum class ImageFit { refuse, stretch, crop };

/// How the images of a folder are read.
struct ImageFolderForm {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 3;  ///< 3: red, green, blue; 1: grey
  ImageFit fit = ImageFit::refuse;
  Normalization normalization{};  ///< empty: bytes become 0 to 1
  /// In the order of their labels, such as `files().classes` of the training set: give them to a
  /// held-out set, which may lack some. Empty: the folder's own.
  std::vector<std::string> classes{};
};

/// Labelled images that are decoded when a batch asks for them, in the calling thread: with
/// `Prefetch` in those of its workers. A batch is as that of `ImageDataset`, which
/// `in_memory` gives for a folder that memory can hold. Copies share the list of files.
class ImageFolder {
 public:
  /// Lists the folder as `image_files` does; no image is read yet. Throws DataError as that does,
  /// and for a form that cannot be.
  ImageFolder(const std::filesystem::path& folder, const ImageFolderForm& form)
      : form_(checked(form)),
        files_(std::make_shared<const ImageFiles>(image_files(folder, form.classes))) {}

  [[nodiscard]] std::int64_t size() const {
    return static_cast<std::int64_t>(files_->paths.size());
  }
  /// Names, paths and labels: label k is the k-th class of the form, or the k-th sub-folder by
  /// name.
  [[nodiscard]] const ImageFiles& files() const { return *files_; }

  /// Throws DataError for an index outside, and for a file that is broken or, unless the form has
  /// a fit, of another size, by its name.
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    return batch(indices, std::vector<ImageTransform>(indices.size()));
  }

  /// Sample k shifted and mirrored by `transforms[k]`.
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices,
                            std::span<const ImageTransform> transforms) const {
    if (indices.empty()) return black(form_).batch(indices, transforms);
    std::vector<std::int64_t> places(indices.size());
    std::iota(places.begin(), places.end(), 0);
    return decoded(indices).batch(places, transforms);
  }

  /// All images as bytes.
  [[nodiscard]] ImageDataset in_memory() const {
    std::vector<std::int64_t> all(files_->paths.size());
    std::iota(all.begin(), all.end(), 0);
    return decoded(all);
  }

  /// Of the form, its normalization and classes included, and of name and size of each file, not of
  /// what is in them: that would read all.
  [[nodiscard]] std::uint32_t fingerprint() const {
    const std::vector form{form_.height, form_.width, form_.channels,
                           static_cast<std::int64_t>(form_.fit)};
    auto sum = fingerprint_of(form_.normalization.mean, fingerprint_of(form));
    sum = fingerprint_of(form_.normalization.deviation, sum);
    for (const auto& name : form_.classes) sum = crc32c(name + ";", sum);
    for (const auto& path : files_->paths) {
      std::error_code gone;
      const auto size = std::filesystem::file_size(path, gone);
      sum = crc32c(
          path.lexically_relative(files_->folder).string() + ":" + std::to_string(size) + ";", sum);
    }
    return sum;
  }

 private:
  static ImageFolderForm checked(ImageFolderForm form) {
    if (form.height < 1 || form.width < 1 || form.height > most_image_pixels / form.width ||
        (form.channels != 1 && form.channels != 3)) {
      throw DataError("A folder of images was to be read as " + std::to_string(form.height) +
                      " x " + std::to_string(form.width) + " pixels of " +
                      std::to_string(form.channels) +
                      " channels; expected a height, a width, and 1 or 3 channels.");
    }
    auto& [mean, deviation] = form.normalization;
    if (mean.empty() && deviation.empty()) {
      mean.resize(static_cast<std::size_t>(form.channels), 0);
      deviation.resize(static_cast<std::size_t>(form.channels), 1);
    }
    static_cast<void>(black(form));  // refuses another normalization
    return form;
  }

  static ImageDataset black(const ImageFolderForm& form) {
    return {at::zeros({1, form.channels, form.height, form.width}, at::kByte),
            at::zeros({1}, at::kLong), form.normalization};
  }

  [[nodiscard]] ImageDataset decoded(std::span<const std::int64_t> indices) const {
    const auto count = static_cast<std::int64_t>(indices.size());
    auto images = at::empty({count, form_.channels, form_.height, form_.width}, at::kByte);
    auto labels = at::empty({count}, at::kLong);
    auto* to = images.mutable_data_ptr<std::uint8_t>();
    auto* label = labels.mutable_data_ptr<std::int64_t>();
    for (const auto index : indices) {
      if (index < 0 || index >= size()) {
        throw DataError("Image " + std::to_string(index) + " was asked for, but the folder has " +
                        std::to_string(size()) + "; expected an index from 0 to size - 1.");
      }
      *label++ = files_->labels[static_cast<std::size_t>(index)];
      const auto image = fitted(files_->paths[static_cast<std::size_t>(index)]);
      const auto pixels = static_cast<std::size_t>(image.height * image.width);
      const auto channels = static_cast<std::size_t>(image.channels);
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t i = 0; i < pixels; ++i) *to++ = image.bytes[i * channels + c];
      }
    }
    return {std::move(images), std::move(labels), form_.normalization};
  }

  [[nodiscard]] ImagePixels fitted(const std::filesystem::path& path) const {
    auto image = read_image(path, form_.channels);
    if (image.height == form_.height && image.width == form_.width) return image;
    if (form_.fit == ImageFit::refuse) {
      throw DataError(path.string() + " has " + std::to_string(image.height) + " rows of " +
                      std::to_string(image.width) + " pixels; expected " +
                      std::to_string(form_.height) + " x " + std::to_string(form_.width) +
                      ": scale the image, or give the form a fit.");
    }
    if (form_.fit == ImageFit::crop) image = cropped(image, form_.height, form_.width);
    return resized(image, form_.height, form_.width);
  }

  ImageFolderForm form_;
  std::shared_ptr<const ImageFiles> files_;
};
static_assert(AugmentableDataset<ImageFolder> && FingerprintedDataset<ImageFolder>);

}  // namespace gradus::data
