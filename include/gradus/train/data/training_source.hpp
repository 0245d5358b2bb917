/// Where a run's training batches come from.
#pragma once

#include <gradus/compose/refusal.hpp>
#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>
#include <gradus/core/loading_plan.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/stream.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/loading/concept.hpp>
#include <gradus/policy/sampling/shuffle.hpp>
#include <gradus/train/data/training_pass.hpp>
#include <gradus/train/step/call_mistakes.hpp>

#include <c10/core/Device.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace gradus {

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
  [[no_unique_address]] Sampling sampling_;
};

/// Copies the set to the device when it is made; throws ResourceError if it may not take as much
/// memory or there is not as much. On the CPU the set is read instead, unless the plan says no.
template <data::Dataset Train, ResidentLoading Loading, class Sampling>
class TrainingSource<Train, Loading, Sampling> {
 public:
  TrainingSource(const Train& train, const Loading& loading, c10::Device device,
                 const Sampling& sampling = {})
      : train_(train),
        plan_(loading.plan()),
        device_(device),
        targets_(detail::targets_of(train)),
        sampling_(sampling) {
    if (!device.is_cpu() || plan_.resident_on_cpu) {
      samples_.emplace(detail::resident_copy<Loading>(train, plan_, device));
    }
  }

  template <class Augmentation, class Weight>
  [[nodiscard]] auto pass(const Augmentation& augmentation, const Weight& weight,
                          const PassPart& part) const {
    using Loaded = LoadedPass<Train, Augmentation, Weight>;
    using Made = ResidentPass<Train, Samples, Weight>;
    using Either = EitherPass<Loaded, Made>;
    if (!samples_) {
      return Either(std::in_place_type<Loaded>, train_, sampling_, augmentation, weight, plan_,
                    device_, part);
    }
    return Either(std::in_place_type<Made>, train_, *samples_, targets_, sampling_, augmentation,
                  weight, plan_.batch_size, part);
  }

 private:
  using Samples = decltype(detail::resident_copy<Loading>(
      std::declval<const Train&>(), std::declval<const LoadingPlan&>(), c10::Device(c10::kCPU)));

  const Train& train_;
  LoadingPlan plan_;
  c10::Device device_;
  at::Tensor targets_;  ///< on the host
  std::optional<Samples> samples_;
  [[no_unique_address]] Sampling sampling_;
};

}  // namespace gradus
