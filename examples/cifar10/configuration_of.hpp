/// A trainer type behind the program's small interface. Costs a compiler seconds for each type.
#pragma once

#include "configuration.hpp"
#include "kernel_choices.hpp"
#include "rate_of_products.hpp"
#include "run_folder.hpp"
#include "run_observer.hpp"
#include "stopping.hpp"
#include <gradus/checkpoint/checkpoint_plan.hpp>
#include <gradus/checkpoint/run_file.hpp>
#include <gradus/checkpoint/weights.hpp>
#include <gradus/data/cifar10_files.hpp>
#include <gradus/files/write_file.hpp>
#include <gradus/observe/wrong_images.hpp>
#include <gradus/settings/dump.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/run/ranks.hpp>
#include <gradus/train/trainer.hpp>

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace cifar10 {

using namespace gradus;

template <class T>
class ConfigurationOf final : public Configuration {
 public:
  static constexpr std::int64_t usual_epochs = 5;

  /// Settings for axis `left_out` are ignored: the policy that they were for is not there.
  explicit ConfigurationOf(std::string name, std::string settings_name = "",
                           std::string left_out = "", std::int64_t epochs = usual_epochs)
      : name_(std::move(name)),
        settings_name_(settings_name.empty() ? name_ : std::move(settings_name)),
        left_out_(std::move(left_out)),
        epochs_(epochs) {}

  [[nodiscard]] std::string_view name() const override { return name_; }

  [[nodiscard]] nlohmann::ordered_json describe(const Options& options) const override {
    auto trainer = make(options);
    return describe(options, trainer);
  }

  void check(const Options& options, std::int64_t train_samples) const override {
    const auto trainer = make(options);
    const auto plan = trainer.plan(train_samples);
    data::check_batch_size(plan.samples, plan.batch_size);
    check_accumulation(plan);
    check_length(trainer.policies(), plan.total_steps());
  }

  [[nodiscard]] observe::RunRecord train(const Options& options, const TrainingData& data,
                                         const std::filesystem::path& folder,
                                         const RunContext& context) const override {
    auto trainer = make(options);
    const double rate = rate_of_products(trainer);
    if (!options.resume && options.rank == 0) take_weights(options, trainer, data.train);
    const auto plan = trainer.plan(data.train.size());
    const auto description = describe(options, trainer);

    const bool first = options.rank == 0;  // of the processes, the one that reads and writes files
    RunObserver<T> observer;
    if (options.resume && first) refuse_unsaved(folder);
    if (options.durable) {  // first of all, for it makes sure that nobody else writes here
      observer.checkpoints.emplace(trainer, folder / RunFiles::checkpoints,
                                   checkpoint_plan(options, folder),
                                   nlohmann::ordered_json{{"description", description}});
      if (options.resume && !observer.checkpoints->resume(data.train, data.test)) {
        if (first) {
          refuse_over(folder);
          take_weights(options, trainer, data.train);
        }
        if (!options.quiet) std::cerr << restart_message(options, folder) << '\n';
      }
    }
    auto config = description;
    config["environment"] = context.comparison.environment;
    if (!options.init_from.empty()) config["init_from"] = options.init_from.string();
    if (first) {
      write_file(folder / RunFiles::config, dump(config, 2) + "\n");
      observer.metrics.emplace(folder / RunFiles::metrics);
      if (options.tensorboard) {
        observer.tensorboard.emplace(
            folder, observe::TensorBoardPlan{.weights = trainer.parameters(),
                                             .configuration = dump(description, 2)});
      }
      observer.log.keep_in(folder / RunFiles::log);
    }
    observe::RunRecord record{.name = name_,
                              .device = trainer.run().device.str(),
                              .precision = description["run"]["precision"],
                              .width = options.width,
                              .parameters = count_parameters(*trainer.model()),
                              .train_samples = plan.samples,
                              .test_samples = data.test.size(),
                              .batch_size = plan.batch_size,
                              .samples_per_step = plan.batch_size * plan.accumulation,
                              .seed = options.seed,
                              .threads = at::get_num_threads(),
                              .product_rate = rate * static_cast<double>(options.processes),
                              .configuration = description,
                              .planned_epochs = options.epochs.value_or(epochs_)};
    if (first && !context.page.empty()) {
      observer.page.emplace(
          trainer, context.page, record,
          observe::LiveReportPlan{.with = context.comparison, .log = &observer.log});
    }
    if (!options.quiet) observer.progress.emplace(name_);
    const auto history = trainer.fit(data.train, data.test, observer);
    if (history.end == RunEnd::interrupted) {
      const bool saved = first && observer.checkpoints->saved();
      end_stopped(options, resume_command(options, name_), as_first_says(trainer.ranks(), saved));
    }
    const auto& execution = trainer.execution_report();
    config["execution"] = {{"warm_ups", execution.warm_ups},
                           {"captures", execution.captures},
                           {"replays", execution.replays},
                           {"reason", execution.reason}};
    config["kernel_choices"] = as_json(trainer.kernel_choices());
    if (first) {
      if (observer.tensorboard) {
        observe::add_wrong_images(*observer.tensorboard, trainer, data.test,
                                  data::cifar10_class_names);
      }
      write_file(folder / RunFiles::config, dump(config, 2) + "\n");
      const auto evaluated = trainer.evaluation_weights();
      save_weights(*trainer.model(), folder / RunFiles::weights,
                   {{"configuration", dump(description)}});
    }
    record.epochs = history.epochs;
    record.log = observer.log.lines();
    record.end = history.end;
    record.stopped_early = history.stopped_early;
    return record;
  }

  [[nodiscard]] Evaluation evaluate(const Options& options, const Safetensors& weights,
                                    const data::ImageDataset& test) const override {
    auto trainer = make(options);
    restore(trainer, weights);
    return trainer.evaluate(test);
  }

  [[nodiscard]] Evaluation evaluate_flipped(const Options& options, const Safetensors& weights,
                                            const data::ImageDataset& test) const override {
    auto trainer = make(options);
    restore(trainer, weights);
    return trainer.evaluate_flipped(test);
  }

  void with_evaluated(const Options& options, const Safetensors& weights,
                      const std::function<void(Net&)>& use) const override {
    auto trainer = make(options);
    restore(trainer, weights);
    const auto evaluated = trainer.evaluation_weights();
    Net net(trainer.model());
    use(net);
  }

  [[nodiscard]] double measure(const Options& options, const TrainingData& data,
                               std::int64_t steps) const override {
    auto run = options;
    run.stop_after_steps = steps;
    RunObserver<T> observer;
    observer.stopwatch.emplace();
    make(run).fit(data.train, observer);
    return observer.stopwatch->images_per_second();
  }

 private:
  using Model = typename T::model_type;
  using ModelImpl = typename Model::ContainedType;
  using ModelOptions = decltype(ModelImpl::options);

  /// With which it begins: those that were given, or what the model makes of the data.
  static void take_weights(const Options& options, T& trainer, const data::ImageDataset& train) {
    if constexpr (requires { trainer.model()->start_from(train); }) {
      trainer.model()->start_from(train);
    }
    if (options.init_from.empty()) return;
    FiniteCheck finite(*trainer.model());
    load_weights(*trainer.model(), read_safetensors(options.init_from));
    if (options.allow_not_finite) return;
    finite.refuse(named_state(*trainer.model()), options.init_from.string());
  }

  /// A run with its averages, or weights alone.
  static void restore(T& trainer, const Safetensors& file) {
    if (holds_run(file)) {
      refuse_older_state(run_manifest(file, "the checkpoint"), "the checkpoint");
      trainer.load_state(StateDict(file.tensors));
    } else {
      load_weights(*trainer.model(), file);
    }
  }

  static CheckpointPlan checkpoint_plan(const Options& options,
                                        const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files{folder / RunFiles::metrics, folder / RunFiles::log};
    if (options.tensorboard) files.push_back(observe::TensorBoard::path_in(folder));
    return {.every_steps = options.checkpoint_steps,
            .every_seconds = options.checkpoint_seconds,
            .keep_last = options.keep_checkpoints,
            .best = "accuracy",
            .on_failure = options.continue_unsaved ? OnSaveFailure::warn : OnSaveFailure::stop,
            .allow_not_finite = options.allow_not_finite,
            .files = std::move(files),
            .announce = [](const std::string& sentence) { std::cerr << sentence << '\n'; }};
  }

  /// A setting without the name of a configuration must fit all that are trained.
  static std::string prefix_hint(const Options& options, const Setting& setting) {
    if (!setting.configuration.empty() || options.configurations.size() == 1) return "";
    return " (without a configuration's name it is for all that are trained; for one alone: --set "
           "NAME:" +
           setting.axis + "." + setting.field + "=...)";
  }

  T make(const Options& options) const {
    typename T::policies_type policies;
    for (const auto& setting : options.settings) {
      if (!setting.configuration.empty() && setting.configuration != settings_name_) continue;
      if (setting.axis == left_out_) continue;
      try {
        set_policy_field(policies, setting.axis, setting.field, setting.value);
      } catch (const ConfigurationError& error) {
        throw ConfigurationError("configuration " + name_ + ": " + error.what() +
                                 prefix_hint(options, setting));
      }
    }
    torch::manual_seed(options.seed);
    return T(Model(ModelOptions{.width = options.width}),
             {.seed = options.seed,
              .epochs = options.epochs.value_or(epochs_),
              .device = device_from_name(options.device),
              .sanity_samples = options.allow_not_finite ? 0 : RunSettings().sanity_samples,
              .stop_after_steps = options.stop_after_steps,
              .stop = options.durable ? &stop_request() : nullptr,
              .stop_after_seconds = seconds_left(options),
              .allow_other_data = options.allow_other_data,
              .math = options.math},
             policies);
  }

  nlohmann::ordered_json describe(const Options& options, T& trainer) const {
    const auto precision =
        trainer.policies().template at<slot::precision>().choose(trainer.run().device);
    const auto& run = trainer.run();
    nlohmann::ordered_json json{
        {"name", name_},
        {"model",
         {{"name", ModelImpl::model_name}, {"parameters", count_parameters(*trainer.model())}}},
        {"policies", policies_to_json(trainer.policies())},
        {"run",
         {{"seed", options.seed},
          {"epochs", run.epochs},
          {"width", options.width},
          {"device", run.device.str()},
          {"precision", c10::toString(precision.type)},
          {"precision_reason", precision.reason},
          {"float32", float32_arithmetic(run.math, run.device.is_cuda())},
          {"keep_memory", options.keep_memory},
          {"tf32", run.math.tf32},
          {"cudnn_benchmark", run.math.cudnn_benchmark},
          {"fused_norms", run.math.fused_norms},
          {"deterministic", run.math.deterministic}}}};
    if (options.train_samples) json["run"]["train_samples"] = *options.train_samples;
    if (options.test_samples) json["run"]["test_samples"] = *options.test_samples;
    if (options.threads) json["run"]["threads"] = *options.threads;
    if (options.durable) {
      json["run"]["checkpoint_steps"] = options.checkpoint_steps;
      json["run"]["checkpoint_seconds"] = options.checkpoint_seconds;
      json["run"]["keep_checkpoints"] = options.keep_checkpoints;
    }
    return json;
  }

  static void check_accumulation(const StepPlan& plan) {
    if (plan.accumulation <= plan.batches()) return;
    throw ConfigurationError("accumulation.steps is " + std::to_string(plan.accumulation) +
                             ", but an epoch has only " + std::to_string(plan.batches()) +
                             " batches; take fewer steps or smaller batches.");
  }

  std::string name_;
  std::string settings_name_;
  std::string left_out_;
  std::int64_t epochs_;
};

}  // namespace cifar10
