/// Where a run's training batches come from: read and copied one by one, or made on the device from
/// a copy of the whole set.
#pragma once

#include <gradus/compose/refusal.hpp>
#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>
#include <gradus/core/loading_plan.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/device_feed.hpp>
#include <gradus/data/loader.hpp>
#include <gradus/data/stream.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/loading/concept.hpp>
#include <gradus/policy/sampling/shuffle.hpp>
#include <gradus/train/data/sample_order.hpp>
#include <gradus/train/data/training_batches.hpp>
#include <gradus/train/step/call_mistakes.hpp>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Batches [first, first + count) of one pass over the data.
struct PassPart {
  std::uint64_t seed = 0;
  std::int64_t pass = 0;  ///< from 0
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// Batches that a loader reads and a feed copies.
template <data::Dataset Train, class Augmentation, class Weight>
class LoadedPass {
 public:
  using batch_type = Weighed<data::batch_of<Train>>;

  template <class Sampling>
  LoadedPass(const Train& train, const Sampling& sampling, const Augmentation& augmentation,
             const Weight& weight, const LoadingPlan& plan, c10::Device device,
             const PassPart& part)
      : loader_(plan, part.count,
                TrainingFetch(train, augmentation, weight, plan.batch_size, part.seed, part.pass,
                              part.first, sampling)),
        feed_(loader_, data::stream_copy_to(device)) {}

  [[nodiscard]] std::optional<batch_type> next() { return feed_.next(); }
  [[nodiscard]] double seconds_waited() const { return loader_.seconds_waited(); }

 private:
  using Loader = data::Loader<TrainingFetch<Train, Augmentation, Weight>>;

  Loader loader_;
  data::DeviceFeed<Loader> feed_;
};

/// Batches that the device makes itself. Order and transforms are drawn and sent when it is made,
/// which `seconds_waited` counts.
template <data::Dataset Train, data::DeviceSamples Samples, class Weight>
class ResidentPass {
  using B = data::batch_of<Train>;

 public:
  using batch_type = Weighed<B>;

  /// `targets` [size, ...] are those of the whole set, on the host, if it has such.
  template <class Sampling, class Augmentation>
  ResidentPass(const Train& train, const Samples& samples, const at::Tensor& targets,
               const Sampling& sampling, const Augmentation& augmentation, const Weight& weight,
               std::int64_t batch_size, const PassPart& part)
      : begun_(Clock::now()),
        train_(&train),
        targets_(targets),
        weight_(weight),
        batch_size_(batch_size),
        samples_(std::clamp<std::int64_t>(train.size() - part.first * batch_size, 0,
                                          part.count * batch_size)),
        order_(part_of(sample_order(sampling, train, part.seed, part.pass), part)),
        epoch_(drawn(samples, augmentation, part)),
        waited_(Clock::now() - begun_) {}

  [[nodiscard]] std::optional<batch_type> next() {
    if (given_ >= samples_) return std::nullopt;
    const auto count = std::min(batch_size_, samples_ - given_);
    batch_type next{epoch_.batch(given_, count), weight(given_, count)};
    given_ += count;
    return next;
  }
  [[nodiscard]] double seconds_waited() const { return waited_.count(); }

 private:
  using Clock = std::chrono::steady_clock;
  using Epoch = decltype(std::declval<const Samples&>().epoch({}, {}));

  [[nodiscard]] std::vector<std::int64_t> part_of(const std::vector<std::int64_t>& whole,
                                                  const PassPart& part) const {
    const auto first = whole.begin() + std::min(std::ssize(whole), part.first * batch_size_);
    return {first, first + samples_};
  }

  template <class Augmentation>
  Epoch drawn(const Samples& samples, const Augmentation& augmentation,
              const PassPart& part) const {
    std::vector<ImageTransform> transforms;
    if constexpr (Augmentation::varies) {
      transforms.reserve(order_.size());
      for (const auto index : order_) {
        transforms.push_back(augmentation.draw({part.seed, part.pass, index}));
      }
    }
    return samples.epoch(order_, transforms);
  }

  /// Of samples [first, first + count) of the part.
  [[nodiscard]] double weight(std::int64_t first, std::int64_t count) const {
    const std::span<const std::int64_t> indices(order_.data() + first,
                                                static_cast<std::size_t>(count));
    if constexpr (!Weight::template by_samples<B>) {
      if (Weight::template by_task<B> || !targets_.defined())
        return weight_(train_->batch(indices));
      return weight_.of_target(targets_.index_select(
          0, at::from_blob(const_cast<std::int64_t*>(indices.data()), {count}, at::kLong)));
    } else {
      return static_cast<double>(count);
    }
  }

  Clock::time_point begun_;
  const Train* train_;
  at::Tensor targets_;
  Weight weight_;
  std::int64_t batch_size_;
  std::int64_t samples_;
  std::vector<std::int64_t> order_;
  std::int64_t given_ = 0;
  Epoch epoch_;
  std::chrono::duration<double> waited_;
};

namespace detail {

/// Stands in after a refusal, so that nothing follows.
template <class B>
struct NoSamples {
  struct Epoch {
    [[nodiscard]] B batch(std::int64_t, std::int64_t) const { return {}; }
  };
  [[nodiscard]] Epoch epoch(std::span<const std::int64_t>, std::span<const ImageTransform>) const {
    return {};
  }
};

/// The copy of a set on a device, within the memory that the plan allows.
template <class Loading, class Train>
auto resident_copy(const Train& train, const LoadingPlan& plan, c10::Device device) {
  if constexpr (data::ResidentDataset<Train>) {
    const std::int64_t bytes = train.device_bytes();
    if (bytes > plan.most_device_bytes) {
      throw ResourceError("the training set takes " + std::to_string(bytes) + " bytes on " +
                          device.str() + ", but policy " + std::string(Loading::name) +
                          " of axis loading allows " + std::to_string(plan.most_device_bytes) +
                          "; allow more, train on fewer samples, or choose Prefetch.");
    }
    return train.on_device(device);
  } else {
    [[maybe_unused]] const Says<ResidentMistake<Train, Loading>> refusal;
    return NoSamples<data::batch_of<Train>>();
  }
}

/// Of the whole set, on the host; undefined if it has none.
template <class Train>
at::Tensor targets_of(const Train& train) {
  if constexpr (requires { at::Tensor(train.targets()); }) {
    return train.targets();
  } else {
    return {};
  }
}

}  // namespace detail

/// Made once a run. Refers to the dataset, which must outlive it.
template <data::TrainingData Train, class Loading, class Sampling = Shuffle>
class TrainingSource {
 public:
  TrainingSource(const Train& train, const Loading& loading, c10::Device device,
                 const Sampling& sampling = {})
      : train_(train), plan_(loading.plan()), device_(device), sampling_(sampling) {}

  template <class Augmentation, class Weight>
  [[nodiscard]] auto pass(const Augmentation& augmentation, const Weight& weight,
                          const PassPart& part) const {
    return LoadedPass<Train, Augmentation, Weight>(train_, sampling_, augmentation, weight, plan_,
                                                   device_, part);
  }

 private:
  const Train& train_;
  LoadingPlan plan_;
  c10::Device device_;
  Sampling sampling_;
};

/// Copies the set to the device when it is made; throws ResourceError if it may not take as much
/// memory or there is not as much.
template <data::Dataset Train, ResidentLoading Loading, class Sampling>
class TrainingSource<Train, Loading, Sampling> {
 public:
  TrainingSource(const Train& train, const Loading& loading, c10::Device device,
                 const Sampling& sampling = {})
      : train_(train),
        targets_(detail::targets_of(train)),
        batch_size_(loading.plan().batch_size),
        samples_(detail::resident_copy<Loading>(train, loading.plan(), device)),
        sampling_(sampling) {}

  template <class Augmentation, class Weight>
  [[nodiscard]] auto pass(const Augmentation& augmentation, const Weight& weight,
                          const PassPart& part) const {
    return ResidentPass<Train, Samples, Weight>(train_, samples_, targets_, sampling_, augmentation,
                                                weight, batch_size_, part);
  }

 private:
  using Samples = decltype(detail::resident_copy<Loading>(
      std::declval<const Train&>(), std::declval<const LoadingPlan&>(), c10::Device(c10::kCPU)));

  const Train& train_;
  at::Tensor targets_;  ///< on the host
  std::int64_t batch_size_;
  Samples samples_;
  Sampling sampling_;
};

}  // namespace gradus
