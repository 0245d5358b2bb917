#include "options.hpp"

#include <gradus/error.hpp>
#include <gradus/settings/dump.hpp>
#include <gradus/settings/nearest.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

namespace cifar10 {

using gradus::ConfigurationError;
using nlohmann::json;

namespace {

constexpr std::size_t longest_settings_file = 1 << 20;  // bytes
constexpr int deepest_settings_file = 32;

/// Parses without recursion; refuses depth and double keys while reading.
json parse_strictly(const std::string& text, const std::string& file) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > deepest_settings_file) {
      throw ConfigurationError(file + " is nested deeper than " +
                               std::to_string(deepest_settings_file) +
                               " levels; flatten it to what `describe` prints.");
    }
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key &&
        !keys.back().insert(parsed.get<std::string>()).second) {
      throw ConfigurationError(file + " has the key " + gradus::dump(parsed) +
                               " twice in one object; keep one of them.");
    }
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::parse_error& error) {
    throw ConfigurationError(
        file + " is not JSON: at byte " + std::to_string(error.byte) +
        " something else was expected; compare it with what `describe` prints.");
  } catch (const json::out_of_range&) {
    throw ConfigurationError(file +
                             " has a number that is not finite; write one that a double holds.");
  }
}

void require_object(const json& value, const std::string& what, const std::string& where) {
  if (value.is_object()) return;
  throw ConfigurationError("in " + where + " " + what + " is " + gradus::dump(value) +
                           ", but it takes an object.");
}

}  // namespace

std::vector<Setting> settings_from_policies(const json& policies, const std::string& configuration,
                                            const std::string& where) {
  std::vector<Setting> settings;
  require_object(policies, "'policies'", where);
  for (const auto& [axis, fields] : policies.items()) {
    require_object(fields, "'" + axis + "'", where);
    for (const auto& [field, value] : fields.items()) {
      settings.push_back({configuration, axis, field, value});
    }
  }
  return settings;
}

json parse_value(const std::string& text) {
  if (text.find_first_of("[{") != std::string::npos) return text;  // refused where it is used
  auto parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return parsed.is_discarded() ? json(text) : parsed;
}

Setting parse_setting(const std::string& text) {
  const auto equals = text.find('=');
  const auto colon = text.substr(0, equals).find(':');
  const auto begin = colon == std::string::npos ? 0 : colon + 1;
  const auto dot = text.find('.', begin);
  if (equals == std::string::npos || dot == std::string::npos || dot > equals || dot == begin ||
      dot + 1 == equals) {
    throw gradus::UsageError("--set takes axis.field=value, such as optimizer.lr=0.02, but got '" +
                             text + "'.");
  }
  return {begin == 0 ? "" : text.substr(0, colon), text.substr(begin, dot - begin),
          text.substr(dot + 1, equals - dot - 1), parse_value(text.substr(equals + 1))};
}

SettingsFile read_settings_file(const std::filesystem::path& path) {
  const auto file = "settings file '" + path.string() + "'";
  std::ifstream stream(path, std::ios::binary);
  std::string text;
  if (stream) {
    text.resize(longest_settings_file + 1);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
  }
  if (!stream.eof()) {
    const bool long_file = text.size() > longest_settings_file;
    throw ConfigurationError(file + (long_file
                                         ? " is over 1 MiB; a settings file holds a few kilobytes."
                                         : " cannot be read; name a file that exists."));
  }
  return parse_settings(text, file);
}

SettingsFile parse_settings(const std::string& text, const std::string& file) {
  const auto content = parse_strictly(text, file);
  require_object(content, "the whole", file);

  SettingsFile result;
  const auto name = content.value("name", json(""));
  if (!name.is_string()) {
    throw ConfigurationError("in " + file + " 'name' is " + gradus::dump(name) +
                             ", but it takes the name of a configuration.");
  }
  const auto add = [&](const json& policies, const std::string& configuration, bool if_trained) {
    for (auto& setting : settings_from_policies(policies, configuration, file)) {
      setting.only_if_trained = if_trained;
      result.settings.push_back(std::move(setting));
    }
  };
  const std::vector<std::string> ignored{"name",      "model",         "environment", "init_from",
                                         "execution", "kernel_choices"};  // facts, not settings
  if (content.value("init_from", json()).is_string()) {
    result.init_from = content["init_from"].get<std::string>();
  }
  for (const auto& [key, value] : content.items()) {
    if (key == "run") {
      require_object(value, "'run'", file);
      result.run = value;
    } else if (key == "policies") {
      add(value, name.get<std::string>(), false);
    } else if (key == "configurations") {
      require_object(value, "'configurations'", file);
      for (const auto& [configuration, policies] : value.items()) {
        add(policies, configuration, true);
      }
    } else if (std::find(ignored.begin(), ignored.end(), key) == ignored.end()) {
      throw ConfigurationError(
          file + " has the unknown key '" + key + "'" +
          gradus::suggestion(key, {"run", "policies", "configurations", "name", "model"}));
    }
  }
  return result;
}

}  // namespace cifar10
