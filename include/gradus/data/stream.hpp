/// What a stream is: samples that come one after another until there are no more.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/data/dataset.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace gradus::data {

/// Samples of which nobody knows how many there are: a pipe, a queue, a simulation, files that no
/// disk holds at once.
///
/// - `s.next(samples)` gives a batch of the samples that come next, at least one and at most so
///   many, as a `std::optional` of any batch; nothing at the end, and from then on. It is called
///   from one thread at a time, not always the same.
/// - A run waits for `next`, however long, and a request to stop waits with it; where a worker
///   reads, no longer than the loading policy's `timeout_seconds`. It then ends in a DataError and
///   leaves the thread in `next`: the stream must outlive that.
/// - A run that ends before its `max_steps` may have read further than it has trained, by as many
///   batches as are read ahead; one that resumes puts a PositionedStream back.
/// - Tensors are on the CPU. `next` should run no ATen operator that uses intra-op threads (see
///   `Dataset`).
///
/// Start yours from this:
///
///     struct Readings {
///       std::optional<gradus::Batch> next(std::int64_t samples);
///     };
///     static_assert(gradus::data::Stream<Readings>);
template <class S>
concept Stream = !std::is_const_v<S> && !Dataset<S> && requires(S& stream, std::int64_t samples) {
  { *stream.next(samples) } -> BatchForm;
  { stream.next(samples).has_value() } -> std::same_as<bool>;
};

/// What a run can train on.
template <class T>
concept TrainingData = Dataset<T> || Stream<T>;

/// The batches of a stream.
template <Stream S>
using stream_batch = std::remove_cvref_t<decltype(*std::declval<S&>().next(std::int64_t{}))>;

/// A stream that can say how far it has come, and go there: a run over it can be resumed to the
/// bit.
///
/// - `s.save(to)` puts down where it stands; called after each `next`, so it should be cheap.
/// - `s.load(from)` goes there, backwards or forwards. Throws where it cannot.
template <class S>
concept PositionedStream =
    Stream<S> && requires(const S& stream, S& changed, StateDict& to, const StateDict& from) {
      stream.save(to);
      changed.load(from);
    };

}  // namespace gradus::data
