/// Reads CIFAR-100 (Krizhevsky, 2009), binary version, and refuses anything that is not quite that.
#pragma once

#include <gradus/data/cifar100_files.hpp>
#include <gradus/data/cifar_form.hpp>
#include <gradus/data/cifar_images.hpp>
#include <gradus/data/cifar_records.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/error.hpp>
#include <gradus/files/read_file.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace gradus::data {

/// Channel means and deviations over the 50,000 training images.
[[nodiscard]] inline Normalization cifar100_normalization() {
  return {.mean = {0.5071F, 0.4865F, 0.4409F}, .deviation = {0.2673F, 0.2564F, 0.2762F}};
}

/// Which of a record's two labels is the target: one of 20 superclasses, or of 100 classes. The
/// value is its place in the record.
enum class Cifar100Label : std::size_t { coarse = 0, fine = 1 };

/// The training and the test images, [N, 3, 32, 32], with labels 0 to 19 or 0 to 99.
struct Cifar100 {
  ImageDataset train;
  ImageDataset test;
};

/// Reads `train.bin` and `test.bin` of `folder`, or of `cifar-100-binary` in it. Both labels of
/// each record are checked. Throws DataError with the file, what was found, what was expected and
/// the next step. Cost: twice its 184 MB of memory for a moment.
[[nodiscard]] inline Cifar100 read_cifar100(const std::filesystem::path& folder,
                                            Cifar100Label label = Cifar100Label::fine) {
  const auto place = cifar_folder(cifar100_form, folder);
  const auto read = [&](std::string_view name, std::uintmax_t records) {
    const auto file = place / name;
    const auto bytes = read_file<DataError>(
        file, "a file of CIFAR-100's binary version",
        [&](auto size) { check_cifar_size(cifar100_form, file, size, {.records = records}); });
    check_cifar_labels(cifar100_form, file, bytes);
    return cifar_images(cifar100_form, static_cast<std::size_t>(label), std::span(&bytes, 1),
                        cifar100_normalization());
  };
  return {.train = read(cifar100_files[0], 50'000), .test = read(cifar100_files[1], 10'000)};
}

}  // namespace gradus::data
