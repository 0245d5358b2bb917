/// What a person asked of the program: flags, environment and settings file in one struct.
#pragma once

#include <gradus/device/math_settings.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cifar10 {

constexpr std::int64_t widest = 65'536;  ///< channels of stage 1

/// One number of one policy, for one configuration or for all that are trained.
struct Setting {
  std::string configuration;  ///< empty: all
  std::string axis;
  std::string field;
  nlohmann::json value;
  bool only_if_trained = false;  ///< else naming a configuration that is not trained is an error
};

struct Options {
  std::vector<std::string> configurations;
  std::filesystem::path checkpoint;  ///< of `evaluate` and `export`
  bool fold_norms = false;           ///< of `export`
  bool weights_beside = false;       ///< of `export`
  bool flip = false;                 ///< of `evaluate`: also the mean over mirror images
  std::optional<std::string> data;   ///< folder; absent: search
  std::string device = "auto";
  std::optional<std::int64_t> epochs;  ///< absent: as many as the configuration takes
  std::int64_t width = 64;
  std::optional<std::int64_t> train_samples;  ///< the first so many; absent: all
  std::optional<std::int64_t> test_samples;
  std::uint64_t seed = 0;
  std::optional<std::int64_t> threads;  ///< absent: LibTorch's choice
  bool keep_memory = true;              ///< for the next step, instead of giving it back
  std::string out;                      ///< empty: runs/<time>
  std::optional<std::int64_t> stop_after_steps;
  std::optional<double> stop_after_seconds;  ///< since the program began
  bool durable = false;                      ///< save the run while it trains: `train`
  bool resume = false;                       ///< of `train`: continue the run in `out`
  std::filesystem::path init_from;           ///< of `train`: weights to begin with
  std::int64_t checkpoint_steps = 0;         ///< 0: not by steps
  double checkpoint_seconds = 300;           ///< 0: not by time
  std::int64_t keep_checkpoints = 2;
  bool allow_other_data = false;
  bool allow_not_finite = false;
  bool continue_unsaved = false;   ///< a save that fails does not end the run
  std::int64_t seeds = 1;          ///< runs of `compare` and `ablate` for each configuration
  gradus::MathSettings math;       ///< how the device may compute
  std::vector<Setting> settings;   ///< a later one wins
  bool sized = false;              ///< width, epochs or a number of images was given
  std::vector<std::string> notes;  ///< what was reduced, and why
  std::int64_t processes = 1;      ///< that share the run
  std::int64_t rank = 0;           ///< of this one among them
  bool is_started = false;         ///< as one of them
  bool starts_processes = false;   ///< by `--processes`, not by a launcher
  std::string command;             ///< as typed, in quotes where a shell needs them
  std::string program;             ///< as typed
  bool verify = false;             ///< compare the data with the official checksums
  bool tensorboard = false;        ///< write its event files too
  bool offline = false;            ///< never download
  bool json = false;
  bool quiet = false;
  bool demo = false;
};

/// A number, true, false or a plain word; a list or an object is a word too.
nlohmann::json parse_value(const std::string& text);

/// `[CONFIG:]axis.field=value`; the value is JSON, or a plain word. Throws gradus::UsageError.
Setting parse_setting(const std::string& text);

/// The numbers in `{axis: {field: value}}`, as `describe` prints them under "policies". `where`
/// stands in the error. Throws gradus::ConfigurationError for another form.
std::vector<Setting> settings_from_policies(const nlohmann::json& policies,
                                            const std::string& configuration,
                                            const std::string& where);

/// What a settings file says: `run` numbers, and policy settings. Shape: what `describe` prints, or
/// `{"run": {...}, "policies": {axis: {field: value}}, "configurations": {name: {axis: {...}}}}`.
/// A run's config.json is such a file too.
struct SettingsFile {
  nlohmann::json run = nlohmann::json::object();
  std::vector<Setting> settings;
  std::filesystem::path init_from;  ///< of a run's own: with whose weights it began
};

/// Of the text of `file`, as it stands in errors. Throws as `read_settings_file`.
SettingsFile parse_settings(const std::string& text, const std::string& file);

/// Throws gradus::ConfigurationError for a file that is missing, over 1 MiB, not UTF-8, nested
/// deeper than 32, with a key twice, or with an unknown key.
SettingsFile read_settings_file(const std::filesystem::path& path);

}  // namespace cifar10
