/// One pass over a run's training data: its batches read and copied one by one, or made on the
/// device from a copy of the whole set.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/image_transform.hpp>
#include <gradus/core/loading_plan.hpp>
#include <gradus/core/rank_share.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/device_feed.hpp>
#include <gradus/data/loader.hpp>
#include <gradus/train/data/sample_order.hpp>
#include <gradus/train/data/training_batches.hpp>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace gradus {

/// Batches [first, first + count) of one pass over the data.
struct PassPart {
  std::uint64_t seed = 0;
  std::int64_t pass = 0;  ///< from 0
  std::int64_t first = 0;
  std::int64_t count = 0;
  RankShare share{};  ///< of each batch
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
                              part.first, sampling, part.share)),
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
        share_(part.share),
        samples_(std::clamp<std::int64_t>(train.size() - part.first * batch_size, 0,
                                          part.count * batch_size)),
        whole_(sample_order(sampling, train, part.seed, part.pass)),
        order_(part_of(whole_, part)),
        epoch_(drawn(samples, augmentation, part)),
        waited_(Clock::now() - begun_) {
    whole_ = {};
  }

  [[nodiscard]] std::optional<batch_type> next() {
    if (given_ >= samples_) return std::nullopt;
    const auto all = std::min(batch_size_, samples_ - given_);
    const auto first = given_ + share_.first(all);
    const auto count = share_.count(all);
    given_ += all;
    if (count == 0) return batch_type{epoch_.batch(given_ - 1, 1), 0, /*stands_in=*/true};
    return batch_type{epoch_.batch(first, count), weight(first, count)};
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
      const auto repeats = repeats_in(whole_);
      auto place = static_cast<std::size_t>(part.first * batch_size_);
      transforms.reserve(order_.size());
      for (const auto index : order_) {
        transforms.push_back(
            augmentation.draw({draw_seed(part.seed, repeats, place++), part.pass, index}));
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
  RankShare share_;
  std::int64_t samples_;
  std::vector<std::int64_t> whole_;  ///< while this is made: the order of the whole pass
  std::vector<std::int64_t> order_;
  std::int64_t given_ = 0;
  Epoch epoch_;
  std::chrono::duration<double> waited_;
};

/// A pass of one kind or the other.
template <class One, class Other>
class EitherPass {
 public:
  using batch_type = typename One::batch_type;
  static_assert(std::is_same_v<batch_type, typename Other::batch_type>);

  template <class Pass, class... Arguments>
  explicit EitherPass(std::in_place_type_t<Pass> which, const Arguments&... arguments)
      : pass_(which, arguments...) {}

  [[nodiscard]] std::optional<batch_type> next() {
    return std::visit([](auto& pass) { return pass.next(); }, pass_);
  }
  [[nodiscard]] double seconds_waited() const {
    return std::visit([](const auto& pass) { return pass.seconds_waited(); }, pass_);
  }

 private:
  std::variant<One, Other> pass_;
};

}  // namespace gradus
