/// A search for the largest batch that fits in memory.
#pragma once

#include <gradus/device/keep_memory.hpp>
#include <gradus/device/out_of_memory.hpp>
#include <gradus/device/resident_peak.hpp>
#include <gradus/policy/distribution/single_process.hpp>
#include <gradus/policy/schedule/constant.hpp>
#include <gradus/policy/stopping/all_epochs.hpp>
#include <gradus/train/edit.hpp>
#include <gradus/train/model/keep_model.hpp>
#include <gradus/train/trainer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

namespace gradus {

/// What find_batch_size tries: sizes from `smallest`, doubled up to `largest`.
struct BatchSizeSearch {
  std::int64_t smallest = 16;
  std::int64_t largest = 4096;
  double memory_part = 0.8;  ///< on the CPU: of the memory that was free before, in (0, 1]
};

/// One optimizer step at one size.
struct BatchSizeTrial {
  std::int64_t batch_size = 0;
  double samples_per_second = 0;  ///< of one cold step, for orientation
  std::int64_t peak_bytes = 0;    ///< of the process, over what it had before the search; CPU only
};

/// What find_batch_size found.
struct BatchSizes {
  std::vector<BatchSizeTrial> trials;  ///< those that fit, each twice as large as the one before
  [[nodiscard]] std::int64_t largest() const {
    return trials.empty() ? 0 : trials.back().batch_size;
  }
};

namespace detail {

/// What the system can still give, or 0 where it does not say.
inline std::int64_t free_bytes() {
  std::ifstream info("/proc/meminfo");
  for (std::string word; info >> word;) {
    std::int64_t kibibytes = 0;
    if (word == "MemAvailable:" && info >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace detail

/// Doubles the batch from `smallest` to `largest`, or to the size of the data, for one optimizer
/// step each, until memory runs out (CUDA) or the next step would need more than `memory_part` of
/// it (CPU, where running out would end the process). Model and random streams are left as they
/// were. Throws ConfigurationError for a search that is none.
template <class T, data::Dataset Train>
BatchSizes find_batch_size(typename T::model_type& model, const Train& train,
                           const BatchSizeSearch& search = {}, const RunSettings& run = {},
                           const typename T::policies_type& policies = {})
  requires requires { policies.template at<slot::loading>().batch_size; }
{
  if (search.smallest < 1 || search.largest < search.smallest || !(search.memory_part > 0) ||
      search.memory_part > 1) {
    throw ConfigurationError(
        "a search for the batch size takes 1 <= smallest <= largest and a memory_part in (0, 1].");
  }
  // No schedule finds a run of one step too short, and nothing monitors a held-out set.
  using Tried = with<T, Constant, AllEpochs, SingleProcess>;
  typename Tried::policies_type numbers;
  copy_numbers(policies, numbers);
  if constexpr (requires { numbers.template at<slot::averaging>().every = 1; }) {
    numbers.template at<slot::averaging>().every = 1;  // its memory counts from the first step on
  }
  const KeepModel keep(*model, run.device);
  auto settings = run;
  settings.epochs = 1;
  settings.max_steps.reset();
  settings.steps_per_epoch.reset();
  settings.seconds_per_epoch.reset();
  settings.stop_after_steps = 1;
  return_freed_memory();  // a trial would use it again, unseen
  const auto before = resident_memory();
  const auto most = static_cast<double>(detail::free_bytes()) * search.memory_part;
  const auto largest = std::min<std::int64_t>(search.largest, train.size());

  BatchSizes sizes;
  for (auto size = search.smallest; size <= largest; size *= 2) {
    const auto last = sizes.trials.empty() ? 0 : sizes.trials.back().peak_bytes;
    if (!run.device.is_cuda() && most > 0 && 2 * static_cast<double>(last) > most) break;
    numbers.template at<slot::loading>().batch_size = size;
    try {
      const auto begin = std::chrono::steady_clock::now();
      const ResidentPeak peak;
      Tried trainer(model, settings, numbers);
      if (trainer.fit(train).end == RunEnd::interrupted) break;
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      const auto samples = trainer.plan(train.size()).window_samples(0);
      sizes.trials.push_back({.batch_size = size,
                              .samples_per_second = static_cast<double>(samples) / seconds.count(),
                              .peak_bytes = peak.bytes() - before});
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error)) throw;
      break;
    }
  }
  return sizes;
}

}  // namespace gradus
