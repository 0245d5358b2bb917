/// The batches of a run: one pass over the data after another.
#pragma once

#include <gradus/core/rank_share.hpp>
#include <gradus/core/step_plan.hpp>
#include <gradus/train/data/training_source.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace gradus {

/// What of the data a run reads.
struct PassChoice {
  std::uint64_t seed = 0;
  bool first_only = false;  ///< every pass is the first one again
  RankShare share{};        ///< of each batch
};

/// Of a TrainingSource, which must outlive it. A pass is kept while epochs end within it.
template <class Source, class Augmentation, class Weight>
class RunBatches {
  using Pass = decltype(std::declval<const Source&>().pass(
      std::declval<const Augmentation&>(), std::declval<const Weight&>(), PassPart()));

 public:
  using batch_type = typename Pass::batch_type;

  RunBatches(const Source& source, const Augmentation& augmentation, const Weight& weight,
             const PassChoice& choice)
      : source_(source), augmentation_(augmentation), weight_(weight), choice_(choice) {}

  /// Makes ready for window `window` of the run.
  void open(const StepPlan& plan, std::int64_t window) {
    if (pass_) return;
    const PassPart part{.seed = choice_.seed,
                        .pass = choice_.first_only ? 0 : plan.pass_of(window),
                        .first = plan.first_batch(window),
                        .count = plan.batches_left(window),
                        .share = choice_.share};
    pass_.reset(new Pass(source_.pass(augmentation_, weight_, part)));
  }
  /// Ends the pass if `window`, the next one, is of another.
  void close_before(const StepPlan& plan, std::int64_t window) {
    if (window == plan.total_steps() || plan.begins_pass(window)) close();
  }
  void close() {
    if (!pass_) return;
    waited_ += pass_->seconds_waited();
    pass_.reset();
  }

  /// The next batch of an open pass.
  [[nodiscard]] std::optional<batch_type> next() {
    auto batch = pass_->next();
    if (batch) samples_ += batch->size();
    return batch;
  }
  /// Whether the data, a stream, has ended. Waits for its next batch.
  [[nodiscard]] bool ended() {
    if constexpr (requires { pass_->ended(); }) {
      return pass_->ended();
    } else {
      return false;
    }
  }
  /// Of an open pass over a stream: where it stands behind the last batch; null for a dataset.
  [[nodiscard]] auto place() const {
    if constexpr (requires { pass_->place(); }) {
      return pass_->place();
    } else {
      return nullptr;
    }
  }
  /// Since the run began in this process.
  [[nodiscard]] std::int64_t samples() const { return samples_; }
  [[nodiscard]] double seconds_waited() const {
    return waited_ + (pass_ ? pass_->seconds_waited() : 0);
  }

 private:
  const Source& source_;
  Augmentation augmentation_;
  Weight weight_;
  PassChoice choice_;
  std::unique_ptr<Pass> pass_;
  std::int64_t samples_ = 0;
  double waited_ = 0;
};

}  // namespace gradus
