/// What a person asked of the program: flags, environment and settings file in one struct.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cifar10 {

/// One number of one policy, for one configuration or for all that are trained.
struct Setting {
  std::string configuration;  ///< empty: all
  std::string axis;
  std::string field;
  nlohmann::json value;
};

struct Options {
  std::vector<std::string> configurations;
  std::filesystem::path checkpoint;  ///< of `evaluate`
  std::optional<std::string> data;   ///< folder; absent: search
  std::string device = "auto";
  std::int64_t epochs = 5;
  std::int64_t width = 64;
  std::optional<std::int64_t> train_samples;  ///< the first so many; absent: all
  std::optional<std::int64_t> test_samples;
  std::uint64_t seed = 0;
  std::optional<std::int64_t> threads;  ///< absent: LibTorch's choice
  std::string out;                      ///< empty: runs/<time>
  std::optional<std::int64_t> stop_after_steps;
  std::vector<Setting> settings;   ///< a later one wins
  std::vector<std::string> notes;  ///< what was reduced, and why
  std::string command;             ///< as typed
  bool verify = false;             ///< compare the data with the official checksums
  bool offline = false;            ///< never download
  bool json = false;
  bool quiet = false;
  bool demo = false;
};

/// A number, true, false or a plain word. Throws gradus::UsageError for a list or an object.
nlohmann::json parse_value(const std::string& text);

/// `[CONFIG:]axis.field=value`; the value is JSON, or a plain word. Throws gradus::UsageError.
Setting parse_setting(const std::string& text);

/// What a settings file says: `run` numbers, and policy settings. Shape: what `describe` prints, or
/// `{"run": {...}, "policies": {axis: {field: value}}, "configurations": {name: {axis: {...}}}}`.
struct SettingsFile {
  nlohmann::json run = nlohmann::json::object();
  std::vector<Setting> settings;
};

/// Throws gradus::ConfigurationError for a file that is missing, over 1 MiB, not UTF-8, nested
/// deeper than 32, with a key twice, or with an unknown key.
SettingsFile read_settings_file(const std::filesystem::path& path);

}  // namespace cifar10
