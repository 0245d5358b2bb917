// What only CUDA has. Each says `not run` elsewhere, so that all of it is compiled everywhere.
#include "figures.hpp"
#include "trainers.hpp"
#include <gradus/device/device.hpp>
#include <gradus/kernel/norm_program.hpp>
#include <gradus/policy/execution/captured_step.hpp>
#include <gradus/train/edit.hpp>

#include <ATen/Context.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <string>
#include <utility>

namespace cifar10::checks {

using namespace gradus;

namespace {

template <Outcome (*Run)(const Subject&)>
Outcome on_cuda(const Subject& subject) {
  return subject.device.is_cuda() ? Run(subject) : not_run("the device is the CPU");
}

Outcome libraries(const Subject&) {
  const auto& hooks = at::detail::getCUDAHooks();
  const bool cudnn = hooks.hasCuDNN();
  const auto version = cudnn ? hooks.versionRuntimeCuDNN() : 0;
  return holds_if(
      cudnn,
      "cuDNN " + std::to_string(version) + ", CUDA run time " +
          std::to_string(hooks.versionCUDART()),
      {{"cudnn", version}, {"cudart", hooks.versionCUDART()}, {"config", hooks.showConfig()}});
}

/// What each switch of arithmetic brings, for docs/why/math.md.
Outcome switches(const Subject& subject) {
  nlohmann::ordered_json measured;
  std::string figure;
  bool all = true;
  const auto add = [&](const std::string& name, const MathSettings& math) {
    auto options = subject.options;
    options.math = math;
    constexpr std::int64_t steps = 20;
    for (const std::string trained : {"unoptimized", "optimized"}) {
      const double images = configuration(trained).measure(options, subject.data, steps);
      measured[name][trained] = images;
      figure += (figure.empty() ? "" : ", ") + name + " " + short_number(images);
      all = all && images > 0;
    }
  };
  add("default", {});
  add("tf32", {.tf32 = true});
  add("cudnn_benchmark", {.cudnn_benchmark = true});
  add("fused_norms", {.fused_norms = true});
  add("deterministic", {.deterministic = true});
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const auto like = at::empty({1}, at::device(subject.device).dtype(type));
    const bool fused = kernel::norm_program(like) != nullptr;
    measured["fused_norms"][at::toString(type)] = fused ? "fused" : "LibTorch's operators";
    if (!fused) figure += std::string(", norms of ") + at::toString(type) + " not fused";
  }
  return holds_if(all, figure + " images/s of unoptimized and optimized", std::move(measured));
}

template <class Trainer>
EpochRecord last_epoch(Trainer& trainer, const Subject& subject) {
  return trainer.fit(small_data(subject)).epochs.back();
}

/// A trainer whose steps are captured against the same trainer without; the last epoch replays.
Outcome capture(const Subject& subject) {
  auto run = small_run(subject.device);
  run.epochs = 4;
  Small eager(small_net(), run);
  with<Small, CapturedStep> captured(small_net(), run);
  const auto one = last_epoch(eager, subject);
  const auto other = last_epoch(captured, subject);
  const auto& report = captured.execution_report();
  const double difference = std::abs(one.train_loss.value() - other.train_loss.value());
  return holds_if(report.replays > 0 && difference < 1e-3,
                  report.replays > 0
                      ? std::to_string(report.replays) + " replays, losses differ by " +
                            short_number(difference) + ", " +
                            short_number(one.train_seconds / other.train_seconds) + " times as fast"
                      : "nothing was replayed: " + report.reason,
                  {{"warm_ups", report.warm_ups},
                   {"captures", report.captures},
                   {"replays", report.replays},
                   {"reason", report.reason},
                   {"eager_loss", *one.train_loss},
                   {"captured_loss", *other.train_loss},
                   {"eager_seconds", one.train_seconds},
                   {"captured_seconds", other.train_seconds}});
}

}  // namespace

Checks cuda_checks() {
  const std::string group = "CUDA";
  return {{group, "cuDNN is there", on_cuda<libraries>},
          {group, "every switch of arithmetic trains", on_cuda<switches>},
          {group, "a captured step equals an eager one", on_cuda<capture>}};
}

}  // namespace cifar10::checks
