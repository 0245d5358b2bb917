/// Files that grow with a run, such as metrics.jsonl, and how long they were when it was saved.
#pragma once

#include <gradus/files/write_file.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace gradus {

/// The files that a run appends to, and the length that each had when the run was saved: a resumed
/// run cuts them back to it, so that no line is there twice.
class GrownFiles {
 public:
  explicit GrownFiles(std::vector<std::filesystem::path> files) : files_(std::move(files)) {}

  /// {name: bytes}, by the names within their folders, which may be moved; 0 for none.
  [[nodiscard]] nlohmann::ordered_json lengths() const {
    auto lengths = nlohmann::ordered_json::object();
    for (const auto& file : files_) lengths[file.filename().string()] = size_of(file);
    return lengths;
  }

  /// Those that are there by now. Throws ResourceError.
  void bring_onto_disk() const {
    for (const auto& file : files_) {
      std::error_code ignored;
      const auto type = std::filesystem::status(file, ignored).type();
      if (type != std::filesystem::file_type::not_found) sync_file(file);
    }
  }

  /// Cuts each file to the length that it had. One that `lengths` does not know stays as it is, and
  /// one that has become shorter is reported. Throws ResourceError.
  void cut_to(const nlohmann::ordered_json& lengths,
              const std::function<void(const std::string&)>& announce) const {
    for (const auto& file : files_) {
      if (!lengths.is_object()) continue;
      const auto known = lengths.find(file.filename().string());
      if (known == lengths.end() || !known->is_number_unsigned()) continue;
      const auto length = known->get<std::uintmax_t>();
      const auto bytes = size_of(file);
      if (bytes > length) {
        cut_file(file, length);
      } else if (bytes < length && announce) {
        announce(file.string() + " has lost lines that the checkpoint knows of.");
      }
    }
  }

 private:
  static std::uintmax_t size_of(const std::filesystem::path& file) {
    std::error_code missing;
    const auto bytes = std::filesystem::file_size(file, missing);
    return missing ? 0 : bytes;
  }

  std::vector<std::filesystem::path> files_;
};

}  // namespace gradus
