/// The training batches of one pass over the data: order, augmentation, loading and copy to the
/// device together.
#pragma once

#include <gradus/core/image_transform.hpp>
#include <gradus/core/loading_plan.hpp>
#include <gradus/core/rank_share.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/device_feed.hpp>
#include <gradus/data/loader.hpp>
#include <gradus/data/sampling.hpp>
#include <gradus/policy/sampling/shuffle.hpp>
#include <gradus/train/data/sample_order.hpp>
#include <gradus/train/step/call_mistakes.hpp>
#include <gradus/train/step/loss_inputs.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gradus {

/// Makes this rank's part of micro-batch `first + number` of pass `pass`, or a sample that does not
/// count where it has none: a pure function of (seed, pass, number), so
/// that it can run in any thread. Refers to the dataset, which must outlive it. Throws DataError
/// for a batch that is not what was asked for.
template <data::Dataset Train, class Augmentation, class Weight>
class TrainingFetch {
 public:
  template <class Sampling = Shuffle>
  TrainingFetch(const Train& train, const Augmentation& augmentation, const Weight& weight,
                std::int64_t batch_size, std::uint64_t seed, std::int64_t pass,
                std::int64_t first = 0, const Sampling& sampling = {}, const RankShare& share = {})
      : train_(&train),
        augmentation_(augmentation),
        weight_(weight),
        batch_size_(batch_size),
        seed_(seed),
        pass_(pass),
        first_(first),
        share_(share),
        order_(sample_order(sampling, train, seed, pass)) {
    if constexpr (Augmentation::varies) repeats_ = repeats_in(order_);
  }

  Weighed<data::batch_of<Train>> operator()(std::int64_t number) const {
    const std::span<const std::int64_t> all = data::batches(order_, batch_size_)[first_ + number];
    const auto samples = static_cast<std::int64_t>(all.size());
    const auto part = all.subspan(static_cast<std::size_t>(share_.first(samples)),
                                  static_cast<std::size_t>(share_.count(samples)));
    if (part.empty()) return {read(all.first(1)), 0, /*stands_in=*/true};
    return weighed(read(part), weight_, static_cast<std::int64_t>(part.size()));
  }

 private:
  /// `indices` are a part of the order.
  data::batch_of<Train> read(std::span<const std::int64_t> indices) const {
    if constexpr (!Augmentation::varies) {
      return train_->batch(indices);
    } else if constexpr (data::AugmentableDataset<Train>) {
      std::vector<ImageTransform> transforms;
      transforms.reserve(indices.size());
      auto place = static_cast<std::size_t>(indices.data() - order_.data());
      for (const auto index : indices) {
        transforms.push_back(
            augmentation_.draw({draw_seed(seed_, repeats_, place++), pass_, index}));
      }
      return train_->batch(indices, transforms);
    } else {
      [[maybe_unused]] const Says<AugmentationMistake<Train, Augmentation>> refusal;
      return {};
    }
  }

  const Train* train_;
  Augmentation augmentation_;
  Weight weight_;
  std::int64_t batch_size_;
  std::uint64_t seed_;
  std::int64_t pass_;
  std::int64_t first_;
  RankShare share_;
  std::vector<std::int64_t> order_;
  std::vector<std::int64_t> repeats_;
};

/// Makes batch `number` of this rank, of the first `samples` of a held-out set in its own order:
/// ranks take turns at its batches.
template <data::Dataset Held, class Weight>
class EvaluationFetch {
 public:
  EvaluationFetch(const Held& held, const Weight& weight, std::int64_t batch_size,
                  std::int64_t samples, const RankShare& share = {})
      : held_(&held),
        weight_(weight),
        batch_size_(batch_size),
        share_(share),
        order_(data::sequential_order(samples)) {}

  Weighed<data::batch_of<Held>> operator()(std::int64_t number) const {
    const auto indices = data::batches(order_, batch_size_)[number * share_.size + share_.rank];
    return weighed(held_->batch(indices), weight_, static_cast<std::int64_t>(indices.size()));
  }

 private:
  const Held* held_;
  Weight weight_;
  std::int64_t batch_size_;
  RankShare share_;
  std::vector<std::int64_t> order_;
};

}  // namespace gradus
