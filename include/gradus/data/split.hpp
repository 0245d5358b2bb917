/// Parts of a set: training and held-out samples, k folds, by seed.
#pragma once

#include <gradus/core/image_transform.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/core/tensor_fingerprint.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/sampling.hpp>
#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace gradus::data {

namespace detail {

/// `indices[i]` for each i of `places`. Throws DataError for a place outside.
inline std::vector<std::int64_t> mapped(const std::vector<std::int64_t>& indices,
                                        std::span<const std::int64_t> places) {
  std::vector<std::int64_t> mapped;
  mapped.reserve(places.size());
  for (const auto place : places) {
    if (place < 0 || place >= static_cast<std::int64_t>(indices.size())) {
      throw DataError("Sample " + std::to_string(place) + " was asked for, but the subset has " +
                      std::to_string(indices.size()) + "; expected an index from 0 to size - 1.");
    }
    mapped.push_back(indices[static_cast<std::size_t>(place)]);
  }
  return mapped;
}

}  // namespace detail

/// The samples of `dataset` at `indices`, in that order. Shares the dataset with its copies. The
/// subset can lie on a device, and has targets, where its dataset can and has.
template <Dataset D>
class Subset {
 public:
  /// Throws DataError for an index outside.
  Subset(std::shared_ptr<const D> dataset, std::vector<std::int64_t> indices)
      : dataset_(std::move(dataset)), indices_(std::move(indices)) {
    for (const auto index : indices_) {
      if (index >= 0 && index < dataset_->size()) continue;
      throw DataError("A subset names sample " + std::to_string(index) + " of a dataset of " +
                      std::to_string(dataset_->size()) + "; expected 0 to size - 1.");
    }
  }
  Subset(D dataset, std::vector<std::int64_t> indices)
      : Subset(std::make_shared<const D>(std::move(dataset)), std::move(indices)) {}

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(indices_.size()); }
  /// Throws DataError for an index outside.
  [[nodiscard]] batch_of<D> batch(std::span<const std::int64_t> indices) const {
    return dataset_->batch(mapped(indices));
  }
  [[nodiscard]] batch_of<D> batch(std::span<const std::int64_t> indices,
                                  std::span<const ImageTransform> transforms) const
    requires AugmentableDataset<D>
  {
    return dataset_->batch(mapped(indices), transforms);
  }
  [[nodiscard]] const std::vector<std::int64_t>& indices() const { return indices_; }

  /// Of the dataset and the indices.
  [[nodiscard]] std::uint32_t fingerprint() const
    requires FingerprintedDataset<D>
  {
    return fingerprint_of(indices_, static_cast<std::uint32_t>(dataset_->fingerprint()));
  }

  /// Of the whole dataset, which is copied as it is.
  [[nodiscard]] std::int64_t device_bytes() const
    requires ResidentDataset<D>
  {
    return dataset_->device_bytes();
  }

  /// [size, ...] on the CPU, in the order of the indices.
  [[nodiscard]] at::Tensor targets() const
    requires requires(const D& dataset) { at::Tensor(dataset.targets()); }
  {
    return at::Tensor(dataset_->targets()).index_select(0, as_tensor(indices_));
  }

  /// The dataset on a device, of which an epoch takes the samples of the subset.
  template <DeviceSamples Samples>
  class OnDevice {
   public:
    OnDevice(Samples samples, std::vector<std::int64_t> indices)
        : samples_(std::move(samples)), indices_(std::move(indices)) {}

    /// Throws DataError for an index outside, and as the dataset does.
    [[nodiscard]] auto epoch(std::span<const std::int64_t> order,
                             std::span<const ImageTransform> transforms = {}) const {
      return samples_.epoch(detail::mapped(indices_, order), transforms);
    }

   private:
    Samples samples_;
    std::vector<std::int64_t> indices_;
  };

  /// Throws ResourceError where there is no room.
  [[nodiscard]] auto on_device(c10::Device device) const
    requires ResidentDataset<D>
  {
    return OnDevice<decltype(dataset_->on_device(device))>(dataset_->on_device(device), indices_);
  }

 private:
  static at::Tensor as_tensor(const std::vector<std::int64_t>& indices) {
    return at::from_blob(const_cast<std::int64_t*>(indices.data()),
                         {static_cast<std::int64_t>(indices.size())}, at::kLong);
  }
  [[nodiscard]] std::vector<std::int64_t> mapped(std::span<const std::int64_t> indices) const {
    return detail::mapped(indices_, indices);
  }

  std::shared_ptr<const D> dataset_;
  std::vector<std::int64_t> indices_;
};

namespace detail {

/// Indices of `samples` samples in the order of `seed`, by class; all under 0 if there are no
/// `classes`. Throws DataError for fewer samples than `parts`, or classes that are not one for each
/// sample.
inline std::map<std::int64_t, std::vector<std::int64_t>> indices_by_class(
    std::int64_t samples, std::int64_t parts, std::uint64_t seed,
    std::span<const std::int64_t> classes) {
  if (parts < 2 || samples < parts) {
    throw DataError("A set of " + std::to_string(samples) + " samples cannot be cut into " +
                    std::to_string(parts) + " parts; expected 2 parts or more, and a sample each.");
  }
  if (!classes.empty() && static_cast<std::int64_t>(classes.size()) != samples) {
    throw DataError("There are " + std::to_string(classes.size()) + " classes for " +
                    std::to_string(samples) + " samples; expected one for each.");
  }
  std::map<std::int64_t, std::vector<std::int64_t>> by_class;
  for (const auto index : epoch_order(samples, seed, 0)) {
    by_class[classes.empty() ? 0 : classes[static_cast<std::size_t>(index)]].push_back(index);
  }
  return by_class;
}

}  // namespace detail

namespace detail {

inline std::vector<std::int64_t> class_list(const at::Tensor& classes) {
  if (classes.dim() != 1 || classes.scalar_type() != at::kLong) {
    throw DataError("The classes to split by are " +
                    c10::str(classes.scalar_type(), " ", classes.sizes()) +
                    "; expected a whole number, Long, for each sample.");
  }
  const auto host = classes.cpu().contiguous();
  const auto* first = host.const_data_ptr<std::int64_t>();
  return {first, first + host.numel()};
}

}  // namespace detail

/// `folds` parts of `samples` samples in the order of `seed`, of sizes that differ by one at most.
/// With `classes`, one number a sample, each part has its share of each class (stratified). Throws
/// DataError for fewer samples than parts, or classes that are not one for each sample.
[[nodiscard]] inline std::vector<std::vector<std::int64_t>> folds(
    std::int64_t samples, std::int64_t folds, std::uint64_t seed,
    std::span<const std::int64_t> classes = {}) {
  const auto by_class = detail::indices_by_class(samples, folds, seed, classes);
  std::vector<std::vector<std::int64_t>> parts(static_cast<std::size_t>(folds));
  std::size_t next = 0;  // continues from class to class, so that the parts are of one size
  for (const auto& [name, indices] : by_class) {
    for (const auto index : indices) parts[next++ % parts.size()].push_back(index);
  }
  return parts;
}

/// Indices of two parts of a set.
struct Split {
  std::vector<std::int64_t> train;
  std::vector<std::int64_t> held_out;
};

/// Holds `fraction` of the samples out, rounded to whole ones, of each class if `classes` are
/// given; at least one sample is in each part. Throws DataError for a fraction that is not between
/// 0 and 1, and as `folds` does.
[[nodiscard]] inline Split split(std::int64_t samples, double fraction, std::uint64_t seed,
                                 std::span<const std::int64_t> classes = {}) {
  if (!(fraction > 0 && fraction < 1)) {
    throw DataError("The part to be held out is " + std::to_string(fraction) +
                    "; expected a fraction above 0 and below 1.");
  }
  Split parts;
  double owed = 0;  // what rounding has left over, so that the whole is right too
  for (const auto& [name, indices] : detail::indices_by_class(samples, 2, seed, classes)) {
    owed += fraction * static_cast<double>(indices.size());
    auto held = static_cast<std::size_t>(std::llround(owed));
    held = std::min(held, indices.size());
    owed -= static_cast<double>(held);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      (i < held ? parts.held_out : parts.train).push_back(indices[i]);
    }
  }
  const auto move_one = [](auto& from, auto& to) {
    to.push_back(from.back());
    from.pop_back();
  };
  if (parts.held_out.empty()) move_one(parts.train, parts.held_out);
  if (parts.train.empty()) move_one(parts.held_out, parts.train);
  return parts;
}

/// Likewise with the classes as a tensor [samples] int64, such as `targets()` of a dataset.
[[nodiscard]] inline Split split(std::int64_t samples, double fraction, std::uint64_t seed,
                                 const at::Tensor& classes) {
  return split(samples, fraction, seed, detail::class_list(classes));
}
[[nodiscard]] inline std::vector<std::vector<std::int64_t>> folds(std::int64_t samples,
                                                                  std::int64_t count,
                                                                  std::uint64_t seed,
                                                                  const at::Tensor& classes) {
  return folds(samples, count, seed, detail::class_list(classes));
}

/// Folds, or the rest of a fold: all indices but those of part `fold`.
[[nodiscard]] inline Split held_out_fold(const std::vector<std::vector<std::int64_t>>& parts,
                                         std::size_t fold) {
  Split split{.train = {}, .held_out = parts.at(fold)};
  for (std::size_t k = 0; k < parts.size(); ++k) {
    if (k != fold) split.train.insert(split.train.end(), parts[k].begin(), parts[k].end());
  }
  return split;
}

}  // namespace gradus::data
