// What a step must not do, and what it does when a gradient is not finite.
#include "figures.hpp"
#include "trainers.hpp"
#include <gradus/compose/hook.hpp>
#include <gradus/device/peak_memory.hpp>
#include <gradus/observe/host_waits.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/train/edit.hpp>

#include <c10/core/CachingDeviceAllocator.h>

#include <limits>
#include <string>

namespace cifar10::checks {

using namespace gradus;

namespace {

struct Seen {
  std::int64_t waits = 0;
  std::int64_t copies = 0;
};

Seen seen_in(const Subject& subject, const Configuration& configuration, std::int64_t steps) {
  auto options = subject.options;
  options.width = small_width;
  options.epochs = 1;
  options.settings.push_back({"", "loading", "batch_size", 8});
  const observe::HostWaits watch;
  static_cast<void>(configuration.measure(options, subject.data, steps));
  return {watch.waits(), watch.copies()};
}

/// The reading of the loss at the end is a copy; more steps must not copy more.
Outcome waits_in(const Subject& subject, const Configuration& configuration) {
  const auto few = seen_in(subject, configuration, 2);
  const auto more = seen_in(subject, configuration, 8);
  return holds_if(
      few.waits == 0 && more.waits == 0 && few.copies == more.copies,
      std::to_string(more.waits) + " waits in 8 steps, and " +
          std::to_string(more.copies - few.copies) + " copies to the host more than in 2",
      {{"waits", more.waits}, {"copies_2_steps", few.copies}, {"copies_8_steps", more.copies}});
}

struct overflow {
  static constexpr std::string_view name = "overflow";
};
/// Makes the loss of step 2 infinite.
struct OverflowOnce {
  using slot = overflow;
  static constexpr std::string_view name = "OverflowOnce";
  using hooks = Hooks<hook::before_backward>;
  static constexpr auto fields() { return no_fields; }
  struct State {
    int passes = 0;
  };
  State start(const std::vector<NamedTensor>&) const { return {}; }
  void save(const State&, StateDict&) const {}
  void load(State&, const StateDict&) const {}
  void before_backward(State& state, at::Tensor& loss, const StepContext&) const {
    if (++state.passes == 2) loss = loss * std::numeric_limits<double>::infinity();
  }
};

using Half = with<Small, Preset<Mixed{.type = MixedType::float16, .initial_scale = 1024}>,
                  OverflowOnce, Preset<Prefetch{.batch_size = 4}>>;

Outcome skips(const Subject& subject) {
  Half trainer(small_net(), small_run(subject.device));
  const auto history = trainer.fit(subject.data.train.take(16));
  const auto& epoch = history.epochs.at(0);
  const double scale = trainer.state<slot::precision>().scaler->current_scale().item<double>();
  return holds_if(
      epoch.skipped_steps == 1 && epoch.optimizer_steps == 3 && scale == 512,
      std::to_string(epoch.optimizer_steps) + " steps, " + std::to_string(epoch.skipped_steps) +
          " skipped, scale 1024 to " + short_number(scale),
      {{"steps", epoch.optimizer_steps}, {"skipped", epoch.skipped_steps}, {"scale", scale}});
}

Outcome memory(const Subject& subject) {
  const auto mebibytes = [](double bytes) { return short_number(bytes / (1 << 20)) + " MiB"; };
  const auto& optimized = configuration("optimized");
  if (subject.device.is_cuda()) {
    auto* allocator = c10::getDeviceAllocator(subject.device.type());
    allocator->resetPeakStats(subject.device.index());
    static_cast<void>(optimized.measure(subject.options, subject.data, 2));
    constexpr std::size_t all = 0;  // of the kinds of pools that are counted apart
    const auto peak = static_cast<double>(
        allocator->getDeviceStats(subject.device.index()).allocated_bytes[all].peak);
    const auto [free, total] = allocator->getMemoryInfo(subject.device.index());
    return holds_if(peak > 0,
                    "peak " + mebibytes(peak) + " of tensors in a step of optimized; " +
                        mebibytes(static_cast<double>(free)) + " of " +
                        mebibytes(static_cast<double>(total)) + " are free",
                    {{"peak_bytes", peak}, {"free_bytes", free}, {"total_bytes", total}});
  }
  static_cast<void>(optimized.measure(subject.options, subject.data, 2));
  const auto peak = static_cast<double>(peak_memory(c10::kCPU));
  return holds_if(peak > 0, "peak " + mebibytes(peak) + " of the whole process so far",
                  {{"peak_bytes", peak}});
}

}  // namespace

Checks step_checks() {
  const std::string group = "step";
  Checks checks;
  for (const auto* one : configurations()) {
    checks.push_back({group, "no step of " + std::string(one->name()) + " waits for the device",
                      [one](const Subject& subject) { return waits_in(subject, *one); }});
  }
  checks.push_back(
      {group, "float16: an infinite gradient skips one step, halves the scale", skips});
  checks.push_back({group, "memory at its peak is known", memory});
  return checks;
}

}  // namespace cifar10::checks
