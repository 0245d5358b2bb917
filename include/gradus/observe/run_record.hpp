/// The record of a trainer's run, for a comparison or a report of your own.
#pragma once

#include <gradus/compose/slot.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/observe/comparison.hpp>
#include <gradus/policy/precision/precision_choice.hpp>
#include <gradus/settings/policy_settings.hpp>

#include <ATen/Parallel.h>

#include <cstdint>
#include <string>
#include <utility>

namespace gradus::observe {

/// What `trainer` tells of its run: device, precision, policies, seed, and the epochs of its last
/// `fit`, if there was one; its end is `unfinished` where an exception ended that, or where a state
/// was loaded. What it does not know, such as the width of a network and the peak rate of the
/// device, stays empty.
///
///     comparison.runs.push_back(observe::run_record(trainer, "mine"));
template <class T>
[[nodiscard]] RunRecord run_record(T& trainer, std::string name) {
  const auto& run = trainer.run();
  const auto precision = trainer.policies().template at<slot::precision>().choose(run.device);
  RunRecord record;
  record.name = std::move(name);
  record.device = run.device.str();
  record.precision = c10::toString(precision.type);
  record.parameters = count_parameters(*trainer.model());
  record.batch_size = trainer.policies().template at<slot::loading>().plan().batch_size;
  record.seed = run.seed;
  record.threads = at::get_num_threads();
  record.epochs = trainer.history().epochs;
  record.end = trainer.history().end;
  record.stopped_early = trainer.history().stopped_early;
  record.configuration = {{"name", record.name},
                          {"policies", policies_to_json(trainer.policies())}};
  if (!run.max_steps && !run.seconds_per_epoch) record.planned_epochs = run.epochs;
  for (const EpochRecord& epoch : record.epochs) {
    record.train_samples = epoch.samples;
    if (epoch.test) record.test_samples = epoch.test->samples;
  }
  return record;
}

}  // namespace gradus::observe
