/// gradus-cifar10: ResNet10 on CIFAR-10, unoptimized and optimized, side by side.
#include "commands.hpp"
#include "options.hpp"
#include <gradus/core/error.hpp>
#include <gradus/core/nearest.hpp>
#include <gradus/version.hpp>

#include <CLI/CLI.hpp>

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <new>

namespace cifar10 {

using gradus::ExitCode;

namespace {

/// What the command line holds; absent values fall back to the settings file, then to the built-in.
struct CommandLine {
  Options options;
  std::optional<std::string> device;
  std::optional<std::int64_t> epochs;
  std::optional<std::int64_t> width;
  std::optional<std::uint64_t> seed;
  std::string file;
  std::vector<std::string> sets;
  bool resume = false;
};

void add_flags(CLI::App& app, CommandLine& line) {
  auto& options = line.options;
  app.allow_extras();  // refused by refuse_extras, in words of ours
  app.add_option("--data", options.data, "folder of CIFAR-10, binary version [searched, fetched]");
  app.add_option("--device", line.device, "auto, cpu, cuda or cuda:N [auto]");
  app.add_option("--epochs", line.epochs, "passes over the training data [5]");
  app.add_option("--width", line.width, "channels of stage 1 [64]");
  app.add_option("--train-samples", options.train_samples, "the first N training images [all]");
  app.add_option("--test-samples", options.test_samples, "the first N test images [all]");
  app.add_option("--seed", line.seed, "of weights, order and augmentation [0]");
  app.add_option("--threads", options.threads, "of computation [LibTorch's choice]");
  app.add_option("--out", options.out, "folder for results, new or empty [runs/<time>]");
  app.add_option("--config", line.file, "settings file (JSON)");
  app.add_option("--set", line.sets, "[CONFIG:]axis.field=value, repeatable")
      ->allow_extra_args(false);
  app.add_option("--stop-after-steps", options.stop_after_steps, "end after N optimizer steps");
  app.add_flag("--verify", options.verify, "compare the data with the official checksums");
  app.add_flag("--offline", options.offline, "never download");
  app.add_flag("--json", options.json, "result as JSON on stdout");
  app.add_flag("--quiet", options.quiet, "no messages, no progress");
}

/// Refuses flags that the command does not have, before anything else can go wrong with them.
void refuse_unknown_flags(const CLI::App& app, int argc, char** argv) {
  const auto named = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  const auto matches = argc < 2 ? std::vector<const CLI::App*>() : app.get_subcommands(named);
  if (matches.empty()) return;
  const auto* command = matches.front();
  std::vector<std::string> known;
  for (const auto* option : command->get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto flag = argument.substr(0, argument.find('='));
    if (flag.rfind("--", 0) != 0 || std::find(known.begin(), known.end(), flag) != known.end()) {
      continue;
    }
    throw gradus::UsageError("there is no flag '" + flag + "'" + gradus::suggestion(flag, known));
  }
}

void refuse_extras(const CLI::App& app) {
  for (const auto& extra : app.remaining()) {
    throw gradus::UsageError("'" + extra +
                             "' was not expected; flags come after the command, see "
                             "gradus-cifar10 --help.");
  }
}

/// The `run` numbers that the environment says: GRADUS_EPOCHS, GRADUS_SEED, ...
nlohmann::json run_from_environment(const std::vector<std::string>& keys) {
  auto run = nlohmann::json::object();
  for (const auto& key : keys) {
    auto variable = "GRADUS_" + key;
    std::transform(variable.begin(), variable.end(), variable.begin(), ::toupper);
    const char* text = std::getenv(variable.c_str());
    if (text == nullptr || *text == '\0') continue;
    run[key] = parse_value(text);
  }
  return run;
}

/// From `run`, unless something that counts more has said it already.
template <class T>
void take(std::optional<T>& value, const nlohmann::json& run, const std::string& key) {
  if (value || !run.contains(key)) return;
  const auto& found = run.at(key);
  const bool fits = std::is_same_v<T, std::string> ? found.is_string() : found.is_number_integer();
  if (!fits || (std::is_unsigned_v<T> && !found.is_number_unsigned())) {
    throw gradus::ConfigurationError("run." + key + " is " + found.dump() + ", but it takes a " +
                                     (std::is_same_v<T, std::string> ? "name." : "whole number."));
  }
  value = found.get<T>();
}

Options resolve(CommandLine line) {
  auto& options = line.options;
  SettingsFile file;
  if (!line.file.empty()) file = read_settings_file(line.file);
  const std::vector<std::string> settable{"device",       "epochs",          "width",
                                          "seed",         "threads",         "train_samples",
                                          "test_samples", "stop_after_steps"};
  auto known = settable;
  known.insert(known.end(), {"precision", "precision_reason"});  // `describe` prints these
  for (const auto& [key, value] : file.run.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw gradus::ConfigurationError("'run." + key + "' is not a setting" +
                                       gradus::suggestion(key, known));
    }
  }
  for (const auto& run : {run_from_environment(settable), file.run}) {
    take(line.device, run, "device");
    take(line.epochs, run, "epochs");
    take(line.width, run, "width");
    take(line.seed, run, "seed");
    take(options.threads, run, "threads");
    take(options.train_samples, run, "train_samples");
    take(options.test_samples, run, "test_samples");
    take(options.stop_after_steps, run, "stop_after_steps");
  }
  options.device = line.device.value_or(options.device);
  options.epochs = line.epochs.value_or(options.epochs);
  options.width = line.width.value_or(options.width);
  options.seed = line.seed.value_or(options.seed);
  options.settings = file.settings;
  for (const auto& text : line.sets) options.settings.push_back(parse_setting(text));
  return options;
}

void run(int argc, char** argv) {
  CLI::App app{"Trains ResNet10 on CIFAR-10, unoptimized and optimized, and compares."};
  app.name("gradus-cifar10");
  app.set_version_flag("--version", std::string(gradus::version));
  app.allow_extras();
  CommandLine line;
  for (int i = 0; i < argc; ++i) line.options.command += (i > 0 ? " " : "") + std::string(argv[i]);

  auto* compare_app = app.add_subcommand("compare", "train configurations side by side");
  add_flags(*compare_app, line);
  compare_app->add_option("CONFIG", line.options.configurations,
                          "configurations [unoptimized optimized fastest]");
  compare_app->add_flag("--demo", line.options.demo,
                        "cut the work to a few minutes on this machine");
  auto* train_app = app.add_subcommand("train", "train one configuration");
  add_flags(*train_app, line);
  train_app->add_option("CONFIG", line.options.configurations, "configuration")
      ->expected(1)
      ->required();
  train_app->add_flag("--resume", line.resume, "not yet: continue the run in --out");
  auto* evaluate_app = app.add_subcommand("evaluate", "accuracy of a checkpoint on the test set");
  add_flags(*evaluate_app, line);
  evaluate_app->add_option("CHECKPOINT", line.options.checkpoint, "a .safetensors file")
      ->required();
  auto* describe_app = app.add_subcommand("describe", "a whole configuration as JSON");
  add_flags(*describe_app, line);
  describe_app->add_option("CONFIG", line.options.configurations, "configuration")
      ->expected(1)
      ->required();
  auto* selfcheck_app =
      app.add_subcommand("selfcheck", "not yet: check every facility of the device");
  add_flags(*selfcheck_app, line);

  refuse_unknown_flags(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {  // --help, --version
    app.exit(help);
    return;
  }
  const auto commands = app.get_subcommands();
  if (commands.empty()) {
    std::vector<std::string> known;
    for (const auto* command : app.get_subcommands({})) known.push_back(command->get_name());
    const auto extras = app.remaining();
    throw gradus::UsageError(extras.empty() ? "a command is missing; see gradus-cifar10 --help."
                                            : "there is no command '" + extras[0] + "'" +
                                                  gradus::suggestion(extras[0], known));
  }
  refuse_extras(app);
  refuse_extras(*commands[0]);
  if (line.resume) {
    throw gradus::UsageError(
        "--resume is not there yet: a run cannot be continued in this version; "
        "start a new one without --resume.");
  }
  if (selfcheck_app->parsed()) {
    throw gradus::UsageError(
        "selfcheck is not there yet in this version; "
        "`ctest --preset test` runs the library's tests.");
  }
  const auto options = resolve(line);
  if (compare_app->parsed()) compare(options);
  if (train_app->parsed()) train(options);
  if (evaluate_app->parsed()) evaluate(options);
  if (describe_app->parsed()) describe(options);
}

int fail(ExitCode code, const std::string& sentence) {
  std::cerr << "gradus-cifar10: " << sentence << '\n';
  return static_cast<int>(code);
}

}  // namespace

}  // namespace cifar10

int main(int argc, char** argv) {
  using cifar10::fail;
  using gradus::ExitCode;
  try {
    cifar10::run(argc, argv);
    return static_cast<int>(ExitCode::done);
  } catch (const gradus::Error& error) {
    return fail(error.code(), error.what());
  } catch (const CLI::ConversionError& error) {
    return fail(ExitCode::configuration, error.what());
  } catch (const CLI::ParseError& error) {
    return fail(ExitCode::usage, error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::resource, "memory ran out; take smaller batches or a smaller width.");
  } catch (const c10::OutOfMemoryError& error) {
    return fail(ExitCode::resource,
                "the device's memory ran out; take smaller batches or a smaller "
                "width. " +
                    std::string(error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    const bool memory = what.find("allocate memory") != std::string::npos;
    return fail(memory ? ExitCode::resource : ExitCode::internal, what);
  } catch (const std::exception& error) {
    return fail(ExitCode::internal, error.what());
  }
}
