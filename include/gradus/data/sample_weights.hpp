/// A dataset whose samples have weights.
#pragma once

#include <gradus/core/image_transform.hpp>
#include <gradus/core/tensor_fingerprint.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/error.hpp>

#include <c10/core/Device.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace gradus::data {

/// Throws DataError unless there is one finite weight of at least 0 for each of `size` samples, and
/// one above 0.
inline void check_sample_weights(std::span<const double> weights, std::int64_t size) {
  if (std::ssize(weights) != size) {
    throw DataError("There are " + std::to_string(weights.size()) + " weights for " +
                    std::to_string(size) + " samples; expected one for each.");
  }
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights[i]) || weights[i] < 0) {
      throw DataError("Sample " + std::to_string(i) + " has the weight " +
                      std::to_string(weights[i]) + "; expected a finite number of at least 0.");
    }
    sum += weights[i];
  }
  if (!(sum > 0) || !std::isfinite(sum)) {
    throw DataError("The weights of all samples add up to " + std::to_string(sum) +
                    "; expected a finite number above 0.");
  }
}

/// `dataset` with a weight for each sample, as policy WeightedSampling takes them. Not what a loss
/// is weighted by.
template <Dataset D>
class SampleWeights {
 public:
  /// Throws DataError for weights that are none.
  SampleWeights(D dataset, std::vector<double> weights)
      : dataset_(std::move(dataset)), weights_(std::move(weights)) {
    check_sample_weights(weights_, dataset_.size());
  }

  [[nodiscard]] std::int64_t size() const { return dataset_.size(); }
  [[nodiscard]] batch_of<D> batch(std::span<const std::int64_t> indices) const {
    return dataset_.batch(indices);
  }
  [[nodiscard]] batch_of<D> batch(std::span<const std::int64_t> indices,
                                  std::span<const ImageTransform> transforms) const
    requires AugmentableDataset<D>
  {
    return dataset_.batch(indices, transforms);
  }
  [[nodiscard]] std::span<const double> sample_weights() const { return weights_; }

  [[nodiscard]] auto targets() const
    requires requires(const D& dataset) { dataset.targets(); }
  {
    return dataset_.targets();
  }
  /// Of the dataset and the weights.
  [[nodiscard]] std::uint32_t fingerprint() const
    requires FingerprintedDataset<D>
  {
    return fingerprint_of(weights_, static_cast<std::uint32_t>(dataset_.fingerprint()));
  }
  [[nodiscard]] std::int64_t device_bytes() const
    requires ResidentDataset<D>
  {
    return dataset_.device_bytes();
  }
  [[nodiscard]] auto on_device(c10::Device device) const
    requires ResidentDataset<D>
  {
    return dataset_.on_device(device);
  }

 private:
  D dataset_;
  std::vector<double> weights_;
};

}  // namespace gradus::data
