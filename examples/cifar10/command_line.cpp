#include "command_line.hpp"

#include "configuration.hpp"
#include "processes.hpp"
#include "shell_word.hpp"
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
#include <initializer_list>
#include <iostream>
#include <limits>
#include <memory>
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

/// Commands that read a value; the others refuse its flag.
using Commands = std::vector<std::string_view>;
const Commands& training() {
  static const Commands commands{"compare", "ablate", "train", "selfcheck"};
  return commands;
}
Commands training_and(std::initializer_list<std::string_view> more) {
  auto commands = training();
  commands.insert(commands.end(), more);
  return commands;
}

/// A value that a flag, the environment and a settings file can give alike.
struct RunKey {
  std::string name;
  std::string meaning;
  Commands commands;
};

const std::vector<RunKey>& run_keys() {
  static const auto described = training_and({"describe"});
  static const auto computing = training_and({"describe", "evaluate"});
  static const auto all = training_and({"describe", "evaluate", "export"});
  static const std::vector<RunKey> keys{
      {"device", "auto, cpu, cuda or cuda:N [auto]", all},
      {"epochs", "passes over the training data [5; record: its own]", described},
      {"width", "channels of stage 1 [64]", described},
      {"train_samples", "the first N training images [all]", described},
      {"test_samples", "the first N test images [all]", computing},
      {"seed", "of weights, order and augmentation [0]", described},
      {"threads", "of computation [LibTorch's choice]", all},
      {"stop_after_steps", "end after N optimizer steps", training()},
      {"stop_after_seconds", "save, and exit with 75, after so many seconds", {"train"}},
      {"checkpoint_steps", "save every N optimizer steps too [0: no]", {"train"}},
      {"checkpoint_seconds", "save so many seconds after the last save too [300]", {"train"}},
      {"keep_checkpoints", "keep the newest N, and the best [2]", {"train"}},
      {"keep_memory", "freed memory stays with the process, for the next step [true]", computing},
      {"tf32", "true: CUDA may round factors of float32 products [false]", computing},
      {"cudnn_benchmark", "true: cuDNN times its algorithms [false]", computing},
      {"fused_norms", "true: CUDA fuses norm, sum and ReLU by kernels of gradus's own [false]",
       computing},
      {"deterministic", "true: equal bits each time, or an error [false]", computing}};
  return keys;
}

/// What the command line holds, before the other layers are laid under it.
struct CommandLine {
  Options options;
  nlohmann::json run = nlohmann::json::object();
  std::string file;
  std::vector<std::string> sets;
  std::vector<std::string> checkpoints;
};

/// A flag whose value is checked with those of the other layers.
void add_run_value(CLI::App& command, CommandLine& line, const std::string& key,
                   const std::string& meaning) {
  command.add_option_function<std::string>(
      flag_of(key),
      [&run = line.run, key](const std::string& text) { run[key] = parse_value(text); }, meaning);
}

/// The flags that `command` shares with others: each command has those alone that it reads.
void add_flags(CLI::App& command, CommandLine& line) {
  auto& options = line.options;
  const auto is_one_of = [&](const Commands& commands) {
    return std::ranges::find(commands, command.get_name()) != commands.end();
  };
  command.allow_extras();  // refused by refuse_extras, in words of ours
  if (is_one_of(training_and({"evaluate"}))) {
    command.add_option("--data", options.data,
                       "folder of CIFAR-10, binary version [searched, fetched]");
    command.add_flag("--verify", options.verify, "compare the data with the official checksums");
    command.add_flag("--offline", options.offline, "never download");
  }
  for (const auto& key : run_keys()) {
    if (is_one_of(key.commands)) add_run_value(command, line, key.name, key.meaning);
  }
  if (is_one_of(training())) {
    command.add_option("--out", options.out, "folder for results, new or empty [runs/<time>]");
  }
  if (is_one_of(training_and({"describe"}))) {
    command.add_option("--config", line.file, "settings file (JSON)");
  }
  if (is_one_of(training_and({"describe", "evaluate"}))) {
    command.add_option("--set", line.sets, "[CONFIG:]axis.field=value, repeatable")
        ->allow_extra_args(false);
  }
  if (is_one_of(training_and({"evaluate", "export"}))) {
    command.add_flag("--json", options.json, "result as JSON on stdout");
  }
  command.add_flag("--quiet", options.quiet, "no messages, no progress");
}

void add_tensorboard(CLI::App& command, Options& options) {
  command.add_flag("--tensorboard", options.tensorboard,
                   "write event files for TensorBoard beside the metrics too");
}

/// Shows the name that a command takes without brackets.
struct OneName : CLI::Formatter {
  std::string make_option_usage(const CLI::Option* option) const override {
    return make_option_name(option, /*is_positional=*/true);
  }
};

/// The one name that a command takes: `check_names` refuses none and several, in words of ours.
void add_name(CLI::App& command, std::vector<std::string>& names, const std::string& name,
              const std::string& meaning) {
  command.add_option(name, names, meaning)->option_text(" ");
  command.formatter(std::make_shared<OneName>());
}

constexpr auto about_processes = "start so many, which share the work [1]";
constexpr auto about_seeds = "runs of each, with seeds from --seed on [1]";

void add_commands(CLI::App& app, CommandLine& line) {
  auto& options = line.options;
  auto* compare = app.add_subcommand("compare", "train configurations side by side");
  add_flags(*compare, line);
  compare->add_option("CONFIG", options.configurations,
                      "configurations [unoptimized optimized fastest]");
  add_run_value(*compare, line, "processes", about_processes);
  add_tensorboard(*compare, options);
  add_run_value(*compare, line, "seeds", about_seeds);
  compare->add_flag("--demo", options.demo, "cut the work to a few minutes on this machine");

  auto* ablate = app.add_subcommand("ablate", "what each policy of a configuration contributes");
  add_flags(*ablate, line);
  add_name(*ablate, options.configurations, "CONFIG", "unoptimized, optimized or fastest");
  add_run_value(*ablate, line, "seeds", about_seeds);

  auto* train = app.add_subcommand("train", "train one configuration");
  add_flags(*train, line);
  add_name(*train, options.configurations, "CONFIG", configuration_names());
  add_run_value(*train, line, "processes", about_processes);
  add_tensorboard(*train, options);
  train->add_flag("--resume", options.resume, "continue the run in --out");
  train->add_option("--init-from", options.init_from, "begin with the weights of a checkpoint");
  train->add_flag("--allow-other-data", options.allow_other_data,
                  "resume with other training images");
  train->add_flag("--allow-not-finite", options.allow_not_finite,
                  "save and load weights that are not finite");
  train->add_flag("--continue-unsaved", options.continue_unsaved,
                  "a save that fails does not end the run");

  auto* evaluate = app.add_subcommand("evaluate", "accuracy of a checkpoint on the test set");
  add_flags(*evaluate, line);
  add_name(*evaluate, line.checkpoints, "CHECKPOINT", "a .safetensors file");
  evaluate->add_flag("--flip", options.flip, "also the mean over each image and its mirror image");

  auto* onnx = app.add_subcommand("export", "a checkpoint's model as ONNX");
  add_flags(*onnx, line);
  onnx->add_option("--out", options.out, "the file to write [CHECKPOINT, ending in .onnx]");
  add_name(*onnx, line.checkpoints, "CHECKPOINT", "a .safetensors file");
  onnx->add_flag("--fold-norms", options.fold_norms, "batch norms become part of convolutions");
  onnx->add_flag("--weights-beside", options.weights_beside,
                 "weights in a second file, ending in .onnx.data");

  auto* describe = app.add_subcommand("describe", "a whole configuration as JSON");
  add_flags(*describe, line);
  add_name(*describe, options.configurations, "CONFIG", configuration_names());

  auto* selfcheck = app.add_subcommand("selfcheck", "check every facility of the device");
  add_flags(*selfcheck, line);
}

std::string see_help(const CLI::App& command) {
  return "; see gradus-cifar10 " + command.get_name() + " --help.";
}

/// Throws UsageError for the flag `flag`, which `command` does not have.
[[noreturn]] void refuse_flag(const CLI::App& app, const CLI::App& command,
                              const std::string& flag) {
  const auto begin = "there is no flag '" + flag + "'";
  std::string others;
  for (const auto* other : app.get_subcommands({})) {
    if (other->get_option_no_throw(flag) != nullptr) {
      others += (others.empty() ? "" : ", ") + other->get_name();
    }
  }
  if (!others.empty()) {
    throw UsageError(command.get_name() + " does not read '" + flag + "', a flag of " + others +
                     "; leave it out.");
  }
  std::vector<std::string> known;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  }
  if (const auto meant = gradus::nearest(flag, known)) {
    throw UsageError(begin + "; did you mean '" + *meant + "'?");
  }
  const bool sets = command.get_option_no_throw("--set") != nullptr;
  throw UsageError(
      begin +
      (sets ? "; numbers of policies are set by --set, such as --set optimizer.lr=0.1" : "") +
      see_help(command));
}

/// Refuses flags that the command does not have, that lack their value or have two, before
/// anything else can go wrong with them.
void refuse_misplaced_flags(const CLI::App& app, int argc, char** argv) {
  const auto named = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  const auto matches = argc < 2 ? std::vector<const CLI::App*>() : app.get_subcommands(named);
  if (matches.empty()) return;
  const auto& command = *matches.front();
  std::vector<std::string> given;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto flag = argument.substr(0, argument.find('='));
    if (flag.rfind("--", 0) != 0 || flag == "--") continue;
    const auto* option = command.get_option_no_throw(flag);
    if (option == nullptr) refuse_flag(app, command, flag);
    if (option->get_items_expected_min() == 0) {
      if (argument == flag) continue;
      throw UsageError("'" + flag + "' takes no value, but got '" + argument + "'.");
    }
    const bool has_value =
        argument != flag || (i + 1 < argc && std::string_view(argv[i + 1]).substr(0, 2) != "--");
    if (!has_value) throw UsageError("'" + flag + "' needs a value" + see_help(command));
    if (flag != "--set" && std::ranges::find(given, flag) != given.end()) {
      throw UsageError("'" + flag + "' is given twice; give it once.");
    }
    given.push_back(flag);
  }
}

void refuse_extras(const CLI::App& app, const CLI::App& command) {
  for (const auto& extra : app.remaining()) {
    throw UsageError("'" + extra +
                     "' was not expected; flags come after the command, see "
                     "gradus-cifar10 --help.");
  }
  for (const auto& extra : command.remaining()) {
    throw UsageError("'" + extra + "' was not expected" + see_help(command));
  }
}

/// Each command takes so many configurations and checkpoints.
void check_names(const CLI::App& command, CommandLine& line) {
  const auto name = command.get_name();
  const auto one = [&](const std::vector<std::string>& given, const std::string& what,
                       const std::string& choices) {
    if (given.empty()) throw UsageError(name + " needs " + what + ": " + choices + ".");
    if (given.size() == 1) return;
    throw UsageError(name + " takes one name, but got '" + given[0] + "' and '" + given[1] +
                     "'; leave out one of them.");
  };
  if (name == "train" || name == "describe") {
    one(line.options.configurations, "a configuration", configuration_names());
  }
  if (name == "ablate") {
    one(line.options.configurations, "a configuration", "unoptimized, optimized or fastest");
  }
  if (name == "evaluate" || name == "export") {
    one(line.checkpoints, "a checkpoint", "a .safetensors file that train or compare wrote");
    line.options.checkpoint = line.checkpoints[0];
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
  refuse_extras(app, *commands[0]);
  return *commands[0];
}

Layer from_environment() {
  Layer layer{.label = variable_of};
  for (const auto& key : run_keys()) {
    const char* text = std::getenv(variable_of(key.name).c_str());
    if (text != nullptr && *text != '\0') layer.run[key.name] = parse_value(text);
  }
  return layer;
}

/// A variable that was meant for us, but is misspelt, would be ignored in silence.
void warn_of_misspelt_variables() {
  const std::string prefix = variable_of("");
  std::vector<std::string> known{"CIFAR10", "CACHE"};
  for (const auto& key : run_keys()) {
    known.push_back(variable_of(key.name).substr(prefix.size()));
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

/// Of a run's own config.json, for one that resumes: below all that is given now, but above the
/// environment.
std::string config_of_run(const Options& options) {
  if (!options.resume) return "";
  if (options.out.empty()) {
    throw UsageError("--resume continues the run in --out; name its folder too.");
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
  for (const auto& key : run_keys()) known.push_back(key.name);
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
  constexpr std::int64_t most_processes = 1024;
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
  std::optional<std::int64_t> processes;
  take_count(processes, layers, "processes", most_processes);
  options.processes = processes.value_or(options.processes);
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
  for (int i = 0; i < argc; ++i) line.options.command += (i > 0 ? " " : "") + shell_word(argv[i]);
  add_commands(app, line);

  refuse_misplaced_flags(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {  // --help, --version
    app.exit(help);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  const auto& parsed = parsed_command(app);
  check_names(parsed, line);
  const auto command = parsed.get_name();
  const auto place = own_place(command);
  if (place.rank > 0) line.options.quiet = true;
  if (!line.options.quiet) warn_of_misspelt_variables();
  auto options = resolve(std::move(line));
  options.rank = place.rank;
  options.is_started = place.size > 1;
  options.starts_processes = options.processes > 1;
  if (options.is_started) options.processes = place.size;
  if (options.demo && options.processes > 1) {
    throw UsageError("--demo measures one process; leave it out, or take one process.");
  }
  return Request{command, std::move(options)};
}

}  // namespace cifar10
