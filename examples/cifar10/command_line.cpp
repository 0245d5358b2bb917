#include "command_line.hpp"

#include "processes.hpp"
#include <gradus/error.hpp>
#include <gradus/settings/dump.hpp>
#include <gradus/settings/nearest.hpp>
#include <gradus/version.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <limits>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cifar10 {

using gradus::ConfigurationError;
using gradus::UsageError;

namespace {

/// The values of `run` that one source gives, and how that source calls them.
struct Layer {
  nlohmann::json run = nlohmann::json::object();
  std::string (*label)(const std::string& key) = nullptr;
};

std::string flag_of(const std::string& key) {
  auto flag = "--" + key;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string variable_of(const std::string& key) {
  auto variable = "GRADUS_" + key;
  for (auto& letter : variable) {
    letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  return variable;
}

std::string setting_of(const std::string& key) { return "run." + key; }

/// What can be said by a flag, by the environment and in a settings file alike.
const std::vector<std::pair<std::string, std::string>>& run_keys() {
  static const std::vector<std::pair<std::string, std::string>> keys{
      {"device", "auto, cpu, cuda or cuda:N [auto]"},
      {"epochs", "passes over the training data [5]"},
      {"width", "channels of stage 1 [64]"},
      {"train_samples", "the first N training images [all]"},
      {"test_samples", "the first N test images [all]"},
      {"seed", "of weights, order and augmentation [0]"},
      {"threads", "of computation [LibTorch's choice]"},
      {"stop_after_steps", "end after N optimizer steps"},
      {"stop_after_seconds", "save, and exit with 75, after so many seconds"},
      {"checkpoint_steps", "train: save every N optimizer steps too [0: no]"},
      {"checkpoint_seconds", "train: save so many seconds after the last save too [300]"},
      {"keep_checkpoints", "train: the newest N, and the best [2]"},
      {"keep_memory", "freed memory stays with the process, for the next step [true]"},
      {"tf32", "true: CUDA may round factors of float32 products [false]"},
      {"cudnn_benchmark", "true: cuDNN times its algorithms [false]"},
      {"fused_norms", "true: CUDA fuses norm, sum and ReLU by kernels of gradus's own [false]"},
      {"deterministic", "true: equal bits each time, or an error [false]"}};
  return keys;
}

/// What the command line holds, before the other layers are laid under it.
struct CommandLine {
  Options options;
  nlohmann::json run = nlohmann::json::object();
  std::string file;
  std::vector<std::string> sets;
};

void add_flags(CLI::App& app, CommandLine& line) {
  auto& options = line.options;
  app.allow_extras();  // refused by refuse_extras, in words of ours
  app.add_option("--data", options.data, "folder of CIFAR-10, binary version [searched, fetched]");
  for (const auto& [key, meaning] : run_keys()) {
    const auto keep = [&run = line.run, name = key](const std::string& text) {
      run[name] = parse_value(text);
    };
    app.add_option_function<std::string>(flag_of(key), keep, meaning);
  }
  app.add_option("--out", options.out, "folder for results, new or empty [runs/<time>]");
  app.add_option("--config", line.file, "settings file (JSON)");
  app.add_option("--set", line.sets, "[CONFIG:]axis.field=value, repeatable")
      ->allow_extra_args(false);
  app.add_flag("--verify", options.verify, "compare the data with the official checksums");
  app.add_flag("--offline", options.offline, "never download");
  app.add_flag("--json", options.json, "result as JSON on stdout");
  app.add_flag("--quiet", options.quiet, "no messages, no progress");
}

void add_processes(CLI::App& command, Options& options) {
  constexpr std::int64_t most = 1024;
  command.add_option("--processes", options.processes, "start so many, which share the work [1]")
      ->check(CLI::Range(std::int64_t{1}, most));
}

void add_seeds(CLI::App& command, CommandLine& line) {
  command.add_option_function<std::string>(
      "--seeds", [&run = line.run](const std::string& text) { run["seeds"] = parse_value(text); },
      "runs of each, with seeds from --seed on [1]");
}

void add_tensorboard(CLI::App& command, Options& options) {
  command.add_flag("--tensorboard", options.tensorboard,
                   "write event files for TensorBoard beside the metrics too");
}

void add_commands(CLI::App& app, CommandLine& line) {
  auto& options = line.options;
  auto* compare = app.add_subcommand("compare", "train configurations side by side");
  add_flags(*compare, line);
  compare->add_option("CONFIG", options.configurations,
                      "configurations [unoptimized optimized fastest]");
  add_processes(*compare, options);
  add_tensorboard(*compare, options);
  add_seeds(*compare, line);
  compare->add_flag("--demo", options.demo, "cut the work to a few minutes on this machine");

  auto* ablate = app.add_subcommand("ablate", "what each policy of a configuration contributes");
  add_flags(*ablate, line);
  ablate->add_option("CONFIG", options.configurations, "configuration")->expected(1)->required();
  add_seeds(*ablate, line);

  auto* train = app.add_subcommand("train", "train one configuration");
  add_flags(*train, line);
  train->add_option("CONFIG", options.configurations, "configuration")->expected(1)->required();
  add_processes(*train, options);
  add_tensorboard(*train, options);
  train->add_flag("--resume", options.resume, "go on with the run in --out");
  train->add_option("--init-from", options.init_from, "begin with the weights of a checkpoint");
  train->add_flag("--allow-other-data", options.allow_other_data,
                  "resume with other training images");
  train->add_flag("--allow-not-finite", options.allow_not_finite,
                  "save and load weights that are not finite");
  train->add_flag("--go-on-unsaved", options.go_on_unsaved,
                  "a save that fails does not end the run");

  auto* evaluate = app.add_subcommand("evaluate", "accuracy of a checkpoint on the test set");
  add_flags(*evaluate, line);
  evaluate->add_option("CHECKPOINT", options.checkpoint, "a .safetensors file")->required();
  evaluate->add_flag("--flip", options.flip, "also the mean over each image and its mirror image");

  auto* onnx = app.add_subcommand("export", "a checkpoint's model as ONNX");
  add_flags(*onnx, line);
  onnx->get_option("--out")->description("the file to write [CHECKPOINT, ending in .onnx]");
  onnx->add_option("CHECKPOINT", options.checkpoint, "a .safetensors file")->required();
  onnx->add_flag("--fold-norms", options.fold_norms, "batch norms become part of convolutions");
  onnx->add_flag("--weights-beside", options.weights_beside,
                 "weights in a second file, ending in .onnx.data");

  auto* describe = app.add_subcommand("describe", "a whole configuration as JSON");
  add_flags(*describe, line);
  describe->add_option("CONFIG", options.configurations, "configuration")->expected(1)->required();

  auto* selfcheck = app.add_subcommand("selfcheck", "check every facility of the device");
  add_flags(*selfcheck, line);
}

/// Refuses flags that the command does not have, before anything else can go wrong with them.
void refuse_unknown_flags(const CLI::App& app, int argc, char** argv) {
  const auto named = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  const auto matches = argc < 2 ? std::vector<const CLI::App*>() : app.get_subcommands(named);
  if (matches.empty()) return;
  std::vector<std::string> known;
  for (const auto* option : matches.front()->get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto flag = argument.substr(0, argument.find('='));
    if (flag.rfind("--", 0) != 0 || std::find(known.begin(), known.end(), flag) != known.end()) {
      continue;
    }
    throw UsageError("there is no flag '" + flag + "'" + gradus::suggestion(flag, known));
  }
}

void refuse_extras(const CLI::App& app) {
  for (const auto& extra : app.remaining()) {
    throw UsageError("'" + extra +
                     "' was not expected; flags come after the command, see "
                     "gradus-cifar10 --help.");
  }
}

/// The command that was given.
const CLI::App& parsed_command(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  if (commands.empty()) {
    std::vector<std::string> known;
    for (const auto* command : app.get_subcommands({})) known.push_back(command->get_name());
    const auto extras = app.remaining();
    throw UsageError(extras.empty() ? "a command is missing; see gradus-cifar10 --help."
                                    : "there is no command '" + extras[0] + "'" +
                                          gradus::suggestion(extras[0], known));
  }
  refuse_extras(app);
  refuse_extras(*commands[0]);
  return *commands[0];
}

Layer from_environment() {
  Layer layer{.label = variable_of};
  for (const auto& [key, meaning] : run_keys()) {
    const char* text = std::getenv(variable_of(key).c_str());
    if (text != nullptr && *text != '\0') layer.run[key] = parse_value(text);
  }
  return layer;
}

/// A variable that was meant for us, but is misspelt, would be passed over in silence.
void warn_of_misspelt_variables() {
  const std::string prefix = variable_of("");
  std::vector<std::string> known{"CIFAR10", "CACHE"};
  for (const auto& [key, meaning] : run_keys()) {
    known.push_back(variable_of(key).substr(prefix.size()));
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable(*entry, std::strcspn(*entry, "="));
    if (variable.rfind(prefix, 0) != 0) continue;
    const auto name = variable.substr(prefix.size());
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = gradus::nearest(name, known);
    if (!meant) continue;  // for something else
    std::cerr << "warning: the variable " << variable << " is not read; did you mean " << prefix
              << *meant << "?\n";
  }
}

/// Of a run's own config.json, for one that goes on: it lies beneath all that is given anew, but
/// above the environment.
std::string config_of_run(const Options& options) {
  if (!options.resume) return "";
  if (options.out.empty()) {
    throw UsageError("--resume goes on with the run in --out; name its folder too.");
  }
  if (!options.init_from.empty()) {
    throw UsageError("--resume and --init-from exclude each other; leave out one of them.");
  }
  const auto file =
      std::filesystem::path(options.out) / options.configurations.at(0) / "config.json";
  std::error_code ignored;
  return std::filesystem::exists(file, ignored) ? file.string() : "";
}

Layer from_file(const SettingsFile& file) {
  std::vector<std::string> known{"precision", "precision_reason",
                                 "float32"};  // `describe` prints these
  for (const auto& [key, meaning] : run_keys()) known.push_back(key);
  for (const auto& [key, value] : file.run.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw ConfigurationError("'run." + key + "' is not a setting" +
                               gradus::suggestion(key, known));
    }
  }
  return {file.run, setting_of};
}

/// The value of `key` in the first layer that has it, into `to`: from `least` to `most`.
void take_count(std::optional<std::int64_t>& to, const std::vector<Layer>& layers,
                const std::string& key, std::int64_t most, std::int64_t least = 1) {
  for (const auto& layer : layers) {
    if (!layer.run.contains(key)) continue;
    const auto& found = layer.run[key];
    const double value = found.is_number() ? found.get<double>() : -1;
    const bool too_large = value > static_cast<double>(most);
    if (!found.is_number_integer() || value < static_cast<double>(least) || too_large) {
      throw ConfigurationError(
          layer.label(key) + " is " + gradus::dump(found) + ", but it takes a whole number of at " +
          (too_large ? "most " + std::to_string(most) : "least " + std::to_string(least)) + ".");
    }
    to = found.get<std::int64_t>();
    return;
  }
}

/// A finite number of at least `least`.
template <class Number>
void take_number(Number& to, const std::vector<Layer>& layers, const std::string& key,
                 double least) {
  for (const auto& layer : layers) {
    if (!layer.run.contains(key)) continue;
    const auto& found = layer.run[key];
    if (!found.is_number() || !(found.get<double>() >= least)) {
      throw ConfigurationError(layer.label(key) + " is " + gradus::dump(found) +
                               ", but it takes a number of at least " +
                               gradus::dump(nlohmann::json(least)) + ".");
    }
    to = found.get<double>();
    return;
  }
}

void take_flag(bool& to, const std::vector<Layer>& layers, const std::string& key) {
  for (const auto& layer : layers) {
    if (!layer.run.contains(key)) continue;
    const auto& found = layer.run[key];
    if (!found.is_boolean()) {
      throw ConfigurationError(layer.label(key) + " is " + gradus::dump(found) +
                               ", but it takes true or false.");
    }
    to = found.get<bool>();
    return;
  }
}

void take_run(Options& options, const std::vector<Layer>& layers) {
  constexpr std::int64_t any = std::int64_t{1} << 53;  // whole in a double too
  constexpr std::int64_t most_epochs = 1'000'000;
  constexpr std::int64_t most_threads = 1024;
  constexpr std::int64_t most_seeds = 1000;
  std::optional<std::int64_t> width;
  take_count(options.epochs, layers, "epochs", most_epochs);
  take_count(width, layers, "width", widest);
  take_count(options.threads, layers, "threads", most_threads);
  take_count(options.train_samples, layers, "train_samples", any);
  take_count(options.test_samples, layers, "test_samples", any);
  take_count(options.stop_after_steps, layers, "stop_after_steps", any);
  take_number(options.stop_after_seconds, layers, "stop_after_seconds", 0.001);
  take_number(options.checkpoint_seconds, layers, "checkpoint_seconds", 0);
  std::optional<std::int64_t> steps;
  std::optional<std::int64_t> kept;
  take_count(steps, layers, "checkpoint_steps", any, /*least=*/0);
  take_count(kept, layers, "keep_checkpoints", any);
  options.checkpoint_steps = steps.value_or(options.checkpoint_steps);
  options.keep_checkpoints = kept.value_or(options.keep_checkpoints);
  take_flag(options.keep_memory, layers, "keep_memory");
  take_flag(options.math.tf32, layers, "tf32");
  take_flag(options.math.cudnn_benchmark, layers, "cudnn_benchmark");
  take_flag(options.math.fused_norms, layers, "fused_norms");
  take_flag(options.math.deterministic, layers, "deterministic");
  if (options.demo && (options.epochs || width || options.train_samples)) {
    throw UsageError(
        "--demo chooses epochs, width and the number of training images itself, but some of them "
        "are given too; leave out either --demo or those.");
  }
  std::optional<std::int64_t> seeds;
  take_count(seeds, layers, "seeds", most_seeds);
  options.seeds = seeds.value_or(options.seeds);
  if (options.demo && options.seeds > 1) {
    throw UsageError("--demo trains each configuration once; leave out either --demo or --seeds.");
  }
  options.sized = options.epochs || width || options.train_samples || options.test_samples;
  options.width = width.value_or(options.width);

  bool seed_found = false;
  bool device_found = false;
  for (const auto& layer : layers) {
    if (const auto seed = layer.run.find("seed"); seed != layer.run.end() && !seed_found) {
      seed_found = true;
      if (!seed->is_number_unsigned()) {
        throw ConfigurationError(layer.label("seed") + " is " + gradus::dump(*seed) +
                                 ", but it takes a whole number of at least 0.");
      }
      options.seed = seed->get<std::uint64_t>();
      const auto last =
          std::numeric_limits<std::uint64_t>::max() - static_cast<std::uint64_t>(options.seeds - 1);
      if (options.seed > last) {
        throw ConfigurationError(layer.label("seed") + " is " + gradus::dump(*seed) +
                                 ", but with --seeds " + std::to_string(options.seeds) +
                                 " it takes at most " + std::to_string(last) + ".");
      }
    }
    if (const auto device = layer.run.find("device"); device != layer.run.end() && !device_found) {
      device_found = true;
      if (!device->is_string()) {
        throw ConfigurationError(layer.label("device") + " is " + gradus::dump(*device) +
                                 ", but it takes auto, cpu, cuda or cuda:N.");
      }
      options.device = device->get<std::string>();
    }
  }
}

Options resolve(CommandLine line) {
  SettingsFile own;
  SettingsFile file;
  if (const auto path = config_of_run(line.options); !path.empty()) own = read_settings_file(path);
  if (!line.file.empty()) file = read_settings_file(line.file);
  std::vector<Layer> layers{{line.run, flag_of}, from_environment(), from_file(file)};
  // What was given now is above what the run had, which is above what surrounds both.
  if (line.options.resume) layers = {layers[0], layers[2], from_file(own), layers[1]};
  take_run(line.options, layers);
  if (line.options.resume) line.options.init_from = own.init_from;
  if (!line.options.init_from.empty()) {  // to be found again from any folder
    line.options.init_from = std::filesystem::absolute(line.options.init_from);
  }
  line.options.settings = own.settings;
  line.options.settings.insert(line.options.settings.end(), file.settings.begin(),
                               file.settings.end());
  for (const auto& text : line.sets) line.options.settings.push_back(parse_setting(text));
  return line.options;
}

}  // namespace

std::optional<Request> read_command_line(int argc, char** argv) {
  CLI::App app{"Trains ResNet10 on CIFAR-10, unoptimized and optimized, and compares."};
  app.name("gradus-cifar10");
  app.set_version_flag("--version", std::string(gradus::version));
  app.allow_extras();
  CommandLine line;
  line.options.program = argc > 0 ? argv[0] : app.get_name();
  for (int i = 0; i < argc; ++i) line.options.command += (i > 0 ? " " : "") + std::string(argv[i]);
  add_commands(app, line);

  refuse_unknown_flags(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {  // --help, --version
    app.exit(help);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  const auto command = parsed_command(app).get_name();
  const auto place = own_place(command);
  line.options.rank = place.rank;
  line.options.is_started = place.size > 1;
  if (line.options.is_started) line.options.processes = place.size;
  if (place.rank > 0) line.options.quiet = true;
  if (line.options.demo && line.options.processes > 1) {
    throw UsageError("--demo measures one process; leave it out, or take one process.");
  }
  if (!line.options.quiet) warn_of_misspelt_variables();
  return Request{command, resolve(std::move(line))};
}

}  // namespace cifar10
