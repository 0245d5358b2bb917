/// The part of the report that says what was run: the configurations side by side, and where.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/html.hpp>
#include <gradus/observe/run_ending.hpp>
#include <gradus/observe/run_groups.hpp>
#include <gradus/observe/text.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace gradus::observe {

namespace detail {

/// A JSON value as a reader likes it: text without quotes, lists without brackets.
[[nodiscard]] inline std::string plain(const nlohmann::ordered_json& value) {
  using Json = nlohmann::ordered_json;
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "–";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_float()) return shortest(value.get<double>());
  if (value.is_array()) {
    std::string list;
    for (const Json& item : value) list += (list.empty() ? "" : ", ") + plain(item);
    return list;
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// "weight_decay" as "weight decay".
[[nodiscard]] inline std::string words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

/// What one run has in one row: a main word, and the numbers under it.
[[nodiscard]] inline std::string setting(const nlohmann::ordered_json& value) {
  if (!value.is_object()) return escaped(plain(value));
  std::string main;
  std::string numbers;
  for (const auto& [key, item] : value.items()) {
    const bool names = key == "policy" || key == "name" || key == "type";
    if (names && main.empty() && item.is_string())
      main = escaped(plain(item));
    else
      numbers += element("small", words(key) + " " + plain(item));
  }
  return main + numbers;
}

/// One row over all configurations; none if no cell says anything. What equals the baseline's is
/// printed quietly.
[[nodiscard]] inline std::string setup_row(const std::string& name,
                                           const std::vector<std::string>& cells,
                                           std::size_t baseline) {
  if (std::ranges::all_of(cells, &std::string::empty)) return {};
  std::string row = "<tr>" + element("th", words(name));
  for (std::size_t at = 0; at < cells.size(); ++at) {
    const bool same = baseline < cells.size() && at != baseline && cells[at] == cells[baseline];
    row += std::string(same ? "<td class=\"as-baseline\">" : "<td>") +
           (cells[at].empty() ? "–" : cells[at]) + "</td>";
  }
  return row + "</tr>\n";
}

/// The keys under `section` of every configuration, in the order they are first met.
[[nodiscard]] inline std::vector<std::string> keys(const Comparison& comparison,
                                                   const std::string& section) {
  std::vector<std::string> found;
  for (const RunRecord& run : comparison.runs) {
    if (!run.configuration.is_object()) continue;
    const auto part = run.configuration.find(section);
    if (part == run.configuration.end() || !part->is_object()) continue;
    for (const auto& [key, value] : part->items())
      if (std::find(found.begin(), found.end(), key) == found.end()) found.push_back(key);
  }
  return found;
}

/// A group of rows under its heading; nothing for no rows.
[[nodiscard]] inline std::string group(const std::string& heading, const std::string& rows,
                                       std::size_t runs) {
  if (rows.empty()) return rows;
  return "<tbody>\n<tr class=\"group\"><th colspan=\"" + std::to_string(runs + 1) + "\">" +
         escaped(heading) + "</th></tr>\n" + rows + "</tbody>\n";
}

/// One row per key under `section`, without those that the facts below say in their own words.
[[nodiscard]] inline std::string setup_section(const Comparison& comparison,
                                               const std::string& section, std::size_t baseline,
                                               const std::vector<std::string>& except = {}) {
  std::string rows;
  for (const std::string& key : keys(comparison, section)) {
    if (std::find(except.begin(), except.end(), key) != except.end()) continue;
    std::vector<std::string> cells;
    for (const RunGroup& group : run_groups(comparison)) {
      const auto& whole = group.all.front()->configuration;
      const bool has = whole.is_object() && whole.contains(section) && whole[section].is_object() &&
                       whole[section].contains(key);
      cells.push_back(has ? setting(whole[section][key]) : std::string());
    }
    rows += setup_row(key, cells, baseline);
  }
  return rows;
}

/// What the records themselves say. Where seeds differ, the values of all.
[[nodiscard]] inline std::string setup_facts(const Comparison& comparison, std::size_t baseline) {
  const auto groups = run_groups(comparison);
  std::string rows;
  const auto row = [&](const std::string& name, auto value) {
    std::vector<std::string> cells;
    for (const RunGroup& group : groups) {
      std::vector<std::string> values;
      for (const RunRecord* run : group.all) values.push_back(value(*run));
      if (std::ranges::adjacent_find(values, std::ranges::not_equal_to()) == values.end())
        values.resize(1);
      std::string cell;
      for (const std::string& one : values)
        cell += (cell.empty() ? "" : ", ") + (one.empty() ? "–" : one);
      cells.push_back(values == std::vector<std::string>{""} ? "" : escaped(cell));
    }
    rows += setup_row(name, cells, baseline);
  };
  const auto number = [](auto member) {
    return [member](const RunRecord& run) {
      return run.*member > 0 ? grouped(run.*member) : std::string();
    };
  };
  row("device", [](const RunRecord& run) { return run.device; });
  row("precision in use", [](const RunRecord& run) { return run.precision; });
  row("base width", number(&RunRecord::width));
  row("parameters", number(&RunRecord::parameters));
  row("training images", number(&RunRecord::train_samples));
  row("test images", number(&RunRecord::test_samples));
  row("images per batch", number(&RunRecord::batch_size));
  row("images per optimizer step", number(&RunRecord::samples_per_step));
  row("epochs", [](const RunRecord& run) { return std::to_string(run.epochs.size()); });
  row("how it ended", ending);
  row("optimizer steps", [](const RunRecord& run) {
    const auto skipped = run.skipped_steps();
    return grouped(run.optimizer_steps()) +
           (skipped > 0 ? ", " + grouped(skipped) + " skipped" : "");
  });
  row("waited for data", [](const RunRecord& run) { return duration(run.waiting_seconds()); });
  row("threads", number(&RunRecord::threads));
  row("seed", [](const RunRecord& run) { return std::to_string(run.seed); });
  return rows;
}

inline void flatten(const nlohmann::ordered_json& value, const std::string& name,
                    std::vector<std::pair<std::string, std::string>>& facts) {
  if (value.is_object()) {
    for (const auto& [key, item] : value.items())
      flatten(item, name.empty() ? words(key) : name + ", " + words(key), facts);
  } else if (!value.is_null()) {
    facts.emplace_back(name, plain(value));
  }
}

}  // namespace detail

/// The configurations as one table, a column for each: policies by axis, the model, then the facts.
[[nodiscard]] inline std::string setup_table(const Comparison& comparison) {
  const auto groups = run_groups(comparison);
  const std::size_t runs = groups.size();
  std::size_t baseline = runs;  // that is: none
  std::string head = "<tr><th></th>";
  for (std::size_t at = 0; at < runs; ++at) {
    if (groups[at].is_baseline()) baseline = at;
    head += element("th", groups[at].name);
  }
  const std::string model =
      detail::setup_section(comparison, "model", baseline, {"parameters", "width"});
  const std::string facts =
      detail::setup_facts(comparison, baseline) +
      detail::setup_section(comparison, "run", baseline,
                            {"seed", "epochs", "width", "device", "precision"});
  return "<div class=\"scroll\"><table class=\"setup\">\n<thead>" + head + "</tr></thead>\n" +
         detail::group("Policies", detail::setup_section(comparison, "policies", baseline), runs) +
         detail::group("Model", model, runs) + detail::group("Run", facts, runs) +
         "</table></div>\n";
}

/// Machine, versions, data and command as a list; empty if nothing is known.
[[nodiscard]] inline std::string environment_list(const nlohmann::ordered_json& environment) {
  std::vector<std::pair<std::string, std::string>> facts;
  detail::flatten(environment, "", facts);
  if (facts.empty()) return {};
  std::string list = "<dl class=\"facts-list\">\n";
  for (const auto& [name, value] : facts) list += element("dt", name) + element("dd", value) + "\n";
  return list + "</dl>\n";
}

}  // namespace gradus::observe
