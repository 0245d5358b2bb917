#include "demo.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

namespace cifar10 {

namespace {

/// All configurations together over `unoptimized` alone; generous, since the others are faster.
constexpr double all_over_unoptimized = 1.6;

constexpr std::int64_t full_width = 64;
constexpr std::int64_t full_samples = 50000;
constexpr std::int64_t full_epochs = 5;
constexpr std::int64_t small_set = 10000;  // below it five epochs teach too little
constexpr std::int64_t small_set_epochs = 10;
constexpr std::int64_t large_batch = 32;

double seconds(const Reduction& reduction) {
  return static_cast<double>(reduction.samples * reduction.epochs) / reduction.unoptimized_rate *
         all_over_unoptimized;
}

/// Halves the large batches until there are about as many optimizer steps as in the full
/// comparison.
std::int64_t divisor(std::int64_t samples, std::int64_t epochs) {
  const double fewer =
      static_cast<double>(full_samples * full_epochs) / static_cast<double>(samples * epochs);
  const double halvings = std::clamp(std::floor(std::log2(fewer)), 0.0, 3.0);
  return std::int64_t{1} << static_cast<std::int64_t>(halvings);
}

Reduction candidate(std::int64_t width, std::int64_t samples) {
  const auto epochs = samples < small_set ? small_set_epochs : full_epochs;
  return {.width = width,
          .samples = samples,
          .epochs = epochs,
          .batch_divisor = divisor(samples, epochs)};
}

std::string rounded(double value) { return std::to_string(std::llround(value)); }

}  // namespace

Reduction reduce(const MeasureRate& rate, std::int64_t samples, double budget_seconds) {
  constexpr std::array<std::pair<std::int64_t, std::int64_t>, 6> ladder{
      {{64, 50000}, {32, 50000}, {16, 50000}, {16, 25000}, {16, 15000}, {8, 15000}}};
  Reduction chosen;
  double full_rate = 0;
  for (const auto& [width, count] : ladder) {
    auto next = candidate(width, std::min(count, samples));
    next.unoptimized_rate = width == chosen.width && chosen.unoptimized_rate > 0
                                ? chosen.unoptimized_rate
                                : rate(width);
    if (width == full_width) full_rate = next.unoptimized_rate;
    next.full_rate = full_rate;
    chosen = next;
    if (seconds(chosen) <= budget_seconds) break;
  }
  return chosen;
}

void apply(const Reduction& reduction, std::int64_t samples,
           const std::vector<ConfiguredBatch>& batches, Options& options) {
  options.width = reduction.width;
  options.epochs = reduction.epochs;
  if (reduction.samples < samples) options.train_samples = reduction.samples;

  std::string changes;
  const auto change = [&](const std::string& what) {
    changes += (changes.empty() ? "" : ", ") + what;
  };
  if (reduction.width != full_width) change("width " + std::to_string(reduction.width) + " of 64");
  if (reduction.samples != full_samples) {
    change(std::to_string(reduction.samples) + " of 50000 training images");
  }
  if (reduction.epochs != full_epochs) change(std::to_string(reduction.epochs) + " epochs of 5");
  std::string smaller;
  for (const auto& [name, batch] : batches) {
    if (reduction.batch_divisor == 1 || batch < large_batch) continue;
    const auto divided = std::max<std::int64_t>(batch / reduction.batch_divisor, 1);
    smaller += (smaller.empty() ? "" : " and ") + std::to_string(divided) + " of " +
               std::to_string(batch) + " (" + name + ")";
    options.settings.push_back({name, "loading", "batch_size", divided});
  }
  if (!smaller.empty()) {
    change("batches of " + smaller + ", so that enough optimizer steps remain");
  }
  if (changes.empty()) return;
  const double full = static_cast<double>(full_samples * full_epochs) / reduction.full_rate *
                      all_over_unoptimized / 60;
  options.notes.push_back("Reduced: " + changes + ".");
  options.notes.push_back(
      "Why: unoptimized trains " + rounded(reduction.full_rate) +
      " images/s at width 64 here, so the full comparison would take about " + rounded(full) +
      " minutes; the demo takes about " + rounded(std::max(1.0, seconds(reduction) / 60)) +
      (samples < full_samples
           ? ", and only the subset of " + std::to_string(samples) + " images is here."
           : "."));
}

}  // namespace cifar10
