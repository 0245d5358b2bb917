/// What a dataset is: samples that can be asked for by index, several at a time, from several
/// threads.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>

#include <c10/core/Device.h>

#include <concepts>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace gradus::data {

/// A finite, ordered collection of samples.
///
/// - `d.size()` is the number of samples; it never changes.
/// - `d.batch(indices)` makes one batch: sample k of it is sample `indices[k]` of the dataset, with
///   0 <= indices[k] < d.size(); indices may repeat and come in any order. An index outside is an
///   error. A batch is a `gradus::Batch` or any other form that the task takes
///   (core/batch_tensors.hpp).
/// - The result depends on the indices only: two calls give equal batches, from any thread, in
///   any order.
/// - `batch` is const and may run in several threads at once.
/// - Tensors are on the CPU. `batch` should run no ATen operator that uses intra-op threads: each
///   loader thread would start a pool of its own. Plain loops over `mutable_data_ptr` are right.
///
/// Start yours from this:
///
///     struct Squares {
///       std::int64_t size() const { return 100; }
///       gradus::Batch batch(std::span<const std::int64_t> indices) const;
///     };
///     static_assert(gradus::data::Dataset<Squares>);
template <class D>
concept Dataset = requires(const D& dataset, std::span<const std::int64_t> indices) {
  { dataset.size() } -> std::convertible_to<std::int64_t>;
  { dataset.batch(indices) } -> BatchForm;
};

/// The batches of a dataset.
template <Dataset D>
using batch_of =
    std::remove_cvref_t<decltype(std::declval<const D&>().batch(std::span<const std::int64_t>()))>;

/// A dataset that can say whether it is the one of an earlier run.
///
/// - `d.fingerprint()` is the same for equal samples in equal order, and likely another for others.
template <class D>
concept FingerprintedDataset = Dataset<D> && requires(const D& dataset) {
  { dataset.fingerprint() } -> std::convertible_to<std::uint32_t>;
};

/// A dataset of images that takes, for each sample of the batch, how to shift and mirror it.
///
/// - `d.batch(indices, transforms)` applies `transforms[k]` to sample k of the batch; both spans
/// are
///   of one length. The identity `ImageTransform{}` for all gives exactly `d.batch(indices)`.
template <class D>
concept AugmentableDataset =
    Dataset<D> && requires(const D& dataset, std::span<const std::int64_t> indices,
                           std::span<const ImageTransform> transforms) {
      { dataset.batch(indices, transforms) } -> std::convertible_to<batch_of<D>>;
    };

/// The samples of a dataset on a device.
///
/// - `s.epoch(order, transforms).batch(first, count)` is what the dataset's `batch` gives for
///   samples [first, first + count) of `order`, to the bit, but on the device. `transforms` is
///   empty or holds one for each sample of `order`.
/// - `epoch` may copy to the device; `batch` neither reads from the host nor waits for the device.
template <class S>
concept DeviceSamples = requires(const S& samples, std::span<const std::int64_t> order,
                                 std::span<const ImageTransform> transforms) {
  { samples.epoch(order, transforms).batch(std::int64_t{}, std::int64_t{}) } -> BatchForm;
};

/// A dataset that can lie on a device as a whole.
///
/// - `d.device_bytes()` is the memory that takes.
/// - `d.on_device(device)` makes the copy. Throws ResourceError where there is no room.
/// - `d.targets()`, optional, are the targets of all samples, [size, ...] on the CPU, from which
/// the
///   host tells what the mean of a loss is over. Without it `d.batch` is called for that, where the
///   loss or the task says it.
template <class D>
concept ResidentDataset = Dataset<D> && requires(const D& dataset, c10::Device device) {
  { dataset.device_bytes() } -> std::convertible_to<std::int64_t>;
  { dataset.on_device(device) } -> DeviceSamples;
};

}  // namespace gradus::data
