/// A run's training batches from a stream, with the place in it that goes with each.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/batch_tensors.hpp>
#include <gradus/core/loading_plan.hpp>
#include <gradus/data/device_feed.hpp>
#include <gradus/data/loader.hpp>
#include <gradus/data/stream.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/sampling/shuffle.hpp>
#include <gradus/train/data/training_source.hpp>
#include <gradus/train/run/stream_run.hpp>
#include <gradus/train/step/call_mistakes.hpp>
#include <gradus/train/step/loss_inputs.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace gradus {

/// A batch of a stream, and the place behind it.
template <class B>
struct StreamedBatch {
  std::optional<Weighed<B>> micro;  ///< nothing at the end of the stream
  StreamPlace behind;

  static constexpr auto tensors() { return std::tuple{&StreamedBatch::micro}; }
};

/// Reads the next batch of a stream, whatever its number, so for one loader thread alone. Where the
/// plan drops last batches it leaves out all that are short: which is the last is not known.
template <data::Stream S, class Weight>
class StreamFetch {
 public:
  StreamFetch(S& stream, const Weight& weight, const LoadingPlan& plan)
      : stream_(&stream), weight_(weight), plan_(plan) {}

  /// Throws DataError for a batch of none or too many samples, or tensors that disagree, and for
  /// too many that are left out.
  StreamedBatch<data::stream_batch<S>> operator()(std::int64_t) const {
    auto batch = read();
    for (int short_ones = 1; plan_.drop_last && batch && batch_size(*batch) < plan_.batch_size;
         ++short_ones) {
      if (short_ones == most_short) refuse_short(batch_size(*batch));
      batch = read();
    }
    if (!batch) return {};
    const double held = weight_(*batch);
    return {Weighed<data::stream_batch<S>>{std::move(*batch), held}, place_of(*stream_)};
  }

 private:
  static constexpr int most_short = 10;  ///< in a row; more are not the end of a stream

  [[noreturn]] void refuse_short(std::int64_t samples) const {
    throw DataError("The stream was asked for up to " + std::to_string(plan_.batch_size) +
                    " samples and gave fewer " + std::to_string(most_short) + " times in a row, " +
                    std::to_string(samples) +
                    " the last time, but loading.drop_last leaves short batches out; set it to "
                    "false, or loading.batch_size to what the stream gives at once.");
  }

  std::optional<data::stream_batch<S>> read() const {
    std::optional<data::stream_batch<S>> batch = stream_->next(plan_.batch_size);
    if (!batch) return batch;
    const auto samples = batch_size(*batch);
    bool rows = true;
    if constexpr (!requires { data::stream_batch<S>::packed; }) {
      visit_tensors(*batch,
                    [&](const at::Tensor& tensor) { rows = rows && rows_of(tensor) == samples; });
    }
    if (rows && samples >= 1 && samples <= plan_.batch_size) return batch;
    throw DataError("The stream was asked for up to " + std::to_string(plan_.batch_size) +
                    " samples and gave a batch of tensors of " + rows_of_all(*batch) +
                    " rows; expected at least one sample and no more than asked for, a row of "
                    "each tensor for each, and nothing at the end: mend `next(samples)`.");
  }

  S* stream_;
  Weight weight_;
  LoadingPlan plan_;
};

/// The batches that a stream still has, `part.count` at most.
template <data::Stream S, class Weight>
class StreamPass {
 public:
  using batch_type = Weighed<data::stream_batch<S>>;

  StreamPass(S& stream, const Weight& weight, const LoadingPlan& plan, c10::Device device,
             std::int64_t count)
      : loader_(plan, count, StreamFetch(stream, weight, plan)),
        feed_(loader_, data::stream_copy_to(device)) {}

  [[nodiscard]] std::optional<batch_type> next() {
    if (ended()) return std::nullopt;
    auto taken = *std::exchange(ahead_, std::nullopt);
    place_ = std::move(taken.behind);
    return std::move(taken.micro);
  }
  /// Whether there is no batch any more. Waits for the next one.
  [[nodiscard]] bool ended() {
    if (!ahead_ && !over_) ahead_ = feed_.next();
    over_ = !ahead_ || !ahead_->micro;
    return over_;
  }
  /// Behind the last batch that was given.
  [[nodiscard]] const StreamPlace& place() const { return place_; }
  [[nodiscard]] double seconds_waited() const { return loader_.seconds_waited(); }

 private:
  using Loader = data::Loader<StreamFetch<S, Weight>>;

  Loader loader_;
  data::DeviceFeed<Loader> feed_;
  std::optional<StreamedBatch<data::stream_batch<S>>> ahead_;
  bool over_ = false;
  StreamPlace place_;
};

/// Refers to the stream, which must outlive it. One thread reads ahead, if any does.
template <data::Stream S, class Loading, class Sampling>
class TrainingSource<S, Loading, Sampling> {
 public:
  TrainingSource(S& stream, const Loading& loading, c10::Device device, const Sampling& = {})
      : stream_(stream), plan_(loading.plan()), device_(device) {
    plan_.workers = std::min<std::int64_t>(plan_.workers, 1);
  }

  template <class Augmentation, class Weight>
  [[nodiscard]] auto pass(const Augmentation&, const Weight& weight, const PassPart& part) const {
    constexpr bool shuffles = std::is_same_v<Sampling, Shuffle>;
    [[maybe_unused]] const Says<StreamMistake<S, Loading, Augmentation, Sampling, shuffles>>
        refusal;
    return StreamPass<S, Weight>(stream_, weight, plan_, device_, part.count);
  }

 private:
  S& stream_;
  LoadingPlan plan_;
  c10::Device device_;
};

}  // namespace gradus
