/// Reads CIFAR-10 (Krizhevsky, 2009), binary version, and refuses anything that is not quite that.
#pragma once

#include <gradus/data/cifar10_files.hpp>
#include <gradus/data/cifar10_records.hpp>
#include <gradus/data/cifar_images.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/error.hpp>
#include <gradus/files/md5.hpp>
#include <gradus/files/read_file.hpp>

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace gradus::data {

/// Channel means and deviations over the 50,000 training images.
[[nodiscard]] inline Normalization cifar10_normalization() {
  return {.mean = {0.4914F, 0.4822F, 0.4465F}, .deviation = {0.2470F, 0.2435F, 0.2616F}};
}

/// How closely the files are checked. `structure`: sizes, record count, labels, no file twice.
/// `checksums`: also the MD5 of each file (about 0.5 s for the full set). A subset always has both.
enum class Verify { structure, checksums };

/// The training and the test images, [N, 3, 32, 32], with labels 0 to 9.
struct Cifar10 {
  ImageDataset train;
  ImageDataset test;
};

/// MD5 of all records, training first, as 32 hexadecimal digits: what
/// `cat data_batch_{1..5}.bin test_batch.bin | md5sum` prints. It names the data in a run's record.
/// Cost: about 0.5 s for the full set.
[[nodiscard]] inline std::string checksum(const Cifar10& data) {
  Md5 digest;
  for (const auto* part : {&data.train, &data.test}) {
    const auto* pixels = part->images().const_data_ptr<std::uint8_t>();
    const auto* labels = part->labels().const_data_ptr<std::int64_t>();
    for (std::size_t i = 0; i < static_cast<std::size_t>(part->size()); ++i) {
      const auto label = static_cast<std::uint8_t>(labels[i]);
      digest.update({&label, 1});
      digest.update({pixels + i * cifar10_pixel_bytes, cifar10_pixel_bytes});
    }
  }
  return digest.finish();
}

/// Reads the six files of `folder`, or of `cifar-10-batches-bin` in it. Every file has 10,000
/// records unless the folder holds a subset that says so (see `subset_manifest`). Throws DataError
/// with the file, what was found, what was expected and the next step. Cost: about 0.2 s for the
/// full set, and twice its 184 MB of memory for a moment.
[[nodiscard]] inline Cifar10 read_cifar10(const std::filesystem::path& folder,
                                          Verify verify = Verify::structure) {
  const auto place = cifar10_folder(folder);
  const auto manifest = subset_manifest(place);
  const auto& sums = manifest ? *manifest : cifar10_md5;

  std::vector<std::vector<std::uint8_t>> files;
  for (std::size_t i = 0; i < cifar10_files.size(); ++i) {
    const auto file = place / cifar10_files[i];
    files.push_back(
        read_file<DataError>(file, "a file of CIFAR-10's binary version",
                             [&](auto bytes) { check_size(file, bytes, manifest.has_value()); }));
    check_labels(file, files[i]);
    if (const auto same = std::ranges::find(files, files[i]); same != files.end() - 1) {
      const auto other = cifar10_files[static_cast<std::size_t>(same - files.begin())];
      throw DataError(file.string() + " has the same bytes as " + std::string(other) +
                      "; expected six different files, and no test image among the training "
                      "images: fetch the official files again.");
    }
    if (manifest || verify == Verify::checksums) check_md5(file, files[i], sums[i]);
  }
  const std::span all(files);
  const auto images = [](auto part) {
    return cifar_images(cifar10_form, 0, part, cifar10_normalization());
  };
  return {.train = images(all.first(5)), .test = images(all.last(1))};
}

}  // namespace gradus::data
