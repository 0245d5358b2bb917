/// The folder with the checkpoints of one run: which there are, which is the best, which may go.
#pragma once

#include <gradus/error.hpp>
#include <gradus/files/file_lock.hpp>
#include <gradus/files/write_file.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace gradus {

/// Files are called step-000000030.safetensors. `checkpoints.json` names the newest and the best;
/// it is for people and programs that look in, and replaced whole: nothing is lost with it but
/// which one was the best.
class CheckpointFolder {
 public:
  /// Makes the folder, takes it for this object alone, and removes what a killed save has left.
  /// Throws ResourceError if it is in use or cannot be written. Where it is another process's,
  /// nothing is done, and nothing but `path` may be asked. `monitor` names the value that decides
  /// which checkpoint is the best: a best one by another value is forgotten.
  explicit CheckpointFolder(std::filesystem::path folder, bool is_ours = true,
                            std::string_view monitor = "loss")
      : folder_(std::move(folder)), monitor_(monitor) {
    if (!is_ours) return;
    lock_.emplace(folder_ / "lock");
    for (const auto& file : files()) {
      std::error_code ignored;
      if (file.filename().string().find(unfinished_mark) != std::string::npos) {
        std::filesystem::remove(file, ignored);
      }
    }
    read_best();
  }

  [[nodiscard]] const std::filesystem::path& path() const { return folder_; }

  [[nodiscard]] std::filesystem::path file_of(std::int64_t step) const {
    auto digits = std::to_string(step);
    digits.insert(0, digits_of_step - std::min(digits_of_step, digits.size()), '0');
    return folder_ / (std::string(before_step) + digits + std::string(after_step));
  }

  /// Before anything is saved: keeps what a run must know that is killed until then. That of an
  /// earlier one, killed already, stays. Throws ResourceError.
  void remember_begin(const nlohmann::ordered_json& lengths) const {
    if (!steps().empty() || !begin().is_null()) return;
    write_file(index_file(), dump(nlohmann::ordered_json{{begin_key, lengths}}, 2) + "\n");
  }

  /// What `remember_begin` kept; null if there is nothing, or a checkpoint knows better.
  [[nodiscard]] nlohmann::ordered_json begin() const {
    const auto index = read_index();
    return index.is_object() ? index.value(begin_key, nlohmann::ordered_json())
                             : nlohmann::ordered_json();
  }

  /// Steps with a checkpoint, whole or not, the newest first.
  [[nodiscard]] std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> list;
    for (const auto& file : files()) {
      if (const auto step = step_of(file.filename().string())) list.push_back(*step);
    }
    std::ranges::sort(list, std::ranges::greater());
    return list;
  }

  /// So that a checkpoint that is damaged is no candidate any more, nor the best, but can be looked
  /// at. Returns its new name.
  std::filesystem::path set_aside(std::int64_t step) {
    if (best_ && best_->step == step) best_.reset();
    const auto file = file_of(step);
    auto aside = file;
    aside += ".damaged";
    std::error_code failure;
    std::filesystem::rename(file, aside, failure);
    return failure ? file : aside;
  }

  /// Of results that no later one can be compared with, as of another held-out set.
  void forget_best() { best_.reset(); }

  /// After the checkpoint of `step` was written, with its monitored value, of which less is better;
  /// one that is not finite is none. Removes all but the newest `keep_last` and the best. Throws
  /// ResourceError.
  void written(std::int64_t step, std::optional<double> figure, std::int64_t keep_last) {
    if (figure && std::isfinite(*figure) && (!best_ || *figure <= best_->figure))
      best_ = {step, *figure};
    nlohmann::ordered_json index{{"newest", file_of(step).filename().string()}};
    if (best_) {
      index["best"] = {{"file", file_of(best_->step).filename().string()},
                       {"step", best_->step},
                       {"monitor", monitor_},
                       {"figure", best_->figure}};
    }
    write_file(index_file(), dump(index, 2) + "\n");
    auto list = steps();
    for (std::size_t i = static_cast<std::size_t>(keep_last); i < list.size(); ++i) {
      const bool needed = list[i] == step || (best_ && list[i] == best_->step);
      std::error_code ignored;
      if (!needed) std::filesystem::remove(file_of(list[i]), ignored);
    }
  }

 private:
  struct Best {
    std::int64_t step;
    double figure;
  };

  static constexpr std::size_t digits_of_step = 9;
  static constexpr std::string_view before_step = "step-";
  static constexpr std::string_view after_step = ".safetensors";
  static constexpr const char* begin_key = "begin";

  [[nodiscard]] std::filesystem::path index_file() const { return folder_ / "checkpoints.json"; }

  [[nodiscard]] std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> list;
    std::error_code failure;
    for (std::filesystem::directory_iterator at(folder_, failure), end; !failure && at != end;
         at.increment(failure)) {
      list.push_back(at->path());
    }
    if (failure) {
      throw ResourceError("the folder " + folder_.string() + " cannot be read (" +
                          failure.message() + "); make it readable, or name another one.");
    }
    return list;
  }

  static std::optional<std::int64_t> step_of(std::string_view name) {
    if (!name.starts_with(before_step) || !name.ends_with(after_step)) return std::nullopt;
    name.remove_prefix(before_step.size());
    name.remove_suffix(after_step.size());
    std::int64_t step = 0;
    const auto [end, failure] = std::from_chars(name.begin(), name.end(), step);
    const bool whole = failure == std::errc() && end == name.end() && step >= 0;
    return whole ? std::optional(step) : std::nullopt;
  }

  /// Discarded if it is not there or no JSON.
  [[nodiscard]] nlohmann::ordered_json read_index() const {
    std::ifstream file(index_file(), std::ios::binary);
    return nlohmann::ordered_json::parse(file, nullptr, /*allow_exceptions=*/false);
  }

  void read_best() {
    const auto index = read_index();
    if (!index.is_object() || !index.contains("best") || !index["best"].is_object()) return;
    const auto& best = index["best"];
    const auto step = best.value("step", nlohmann::ordered_json());
    const auto figure = best.value("figure", nlohmann::ordered_json());
    if (!step.is_number_integer() || !figure.is_number()) return;
    if (best.value("monitor", nlohmann::ordered_json(monitor_)) != monitor_) return;
    best_ = {step.get<std::int64_t>(), figure.get<double>()};
    std::error_code ignored;
    if (!std::filesystem::exists(file_of(best_->step), ignored)) best_.reset();
  }

  std::filesystem::path folder_;
  std::string monitor_;
  std::optional<FileLock> lock_;
  std::optional<Best> best_;
};

}  // namespace gradus
