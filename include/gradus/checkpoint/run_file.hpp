/// A run as one safetensors file: its state as tensors, what it is as JSON in the metadata.
#pragma once

#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/core/dump.hpp>
#include <gradus/core/error.hpp>
#include <gradus/core/state_dict.hpp>

#include <nlohmann/json.hpp>

#include <ATen/ops/isfinite.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace gradus {

/// Raised when an older gradus could not read the file right.
inline constexpr std::int64_t run_file_format = 1;

struct RunFile {
  /// {"format", "gradus", "libtorch", "threads", "step", "configuration", "files"}, and what the
  /// program adds.
  nlohmann::ordered_json manifest;
  StateDict state;
};

/// Throws NumericError, as `where` says, if a weight or a statistic of the state is not finite.
inline void refuse_not_finite(const StateDict& state, const std::string& where) {
  for (const auto& [name, tensor] : state.entries()) {
    const bool judged = name.starts_with("parameter/") || name.starts_with("buffer/");
    if (!judged || !tensor.is_floating_point()) continue;
    if (!at::isfinite(tensor).all().item<bool>()) {
      throw NumericError("'" + name + "' is not finite in " + where +
                         "; lower the learning rate, and go on from an earlier checkpoint.");
    }
  }
}

/// Throws ResourceError if the file cannot be written; then an older one is still there.
inline void write_run(const std::filesystem::path& path, const RunFile& run) {
  write_safetensors(path,
                    {.metadata = {{"gradus", dump(run.manifest)}}, .tensors = run.state.entries()});
}

/// Throws CheckpointError for a file that is damaged, no run, or of a newer format.
inline RunFile read_run(const std::filesystem::path& path) {
  const auto refuse = [&](const std::string& what) {
    throw CheckpointError("checkpoint " + path.string() + " " + what + ".");
  };
  auto file = read_safetensors(path);
  const auto entry = file.metadata.find("gradus");
  if (!file.sealed || entry == file.metadata.end()) {
    refuse("holds no run of gradus; name one that `Checkpoints` wrote, or take its weights alone");
  }
  auto manifest = nlohmann::ordered_json::parse(entry->second, nullptr, /*exceptions=*/false);
  if (!manifest.is_object() || !manifest.value("format", nlohmann::ordered_json()).is_number()) {
    refuse("describes itself in another form than expected; use another checkpoint");
  }
  const auto format = manifest["format"].get<std::int64_t>();
  if (format > run_file_format) {
    refuse("has format " + std::to_string(format) + ", but this gradus reads up to " +
           std::to_string(run_file_format) + "; resume it with the version that wrote it, " +
           dump(manifest.value("gradus", nlohmann::ordered_json())));
  }
  return {std::move(manifest), StateDict(std::move(file.tensors))};
}

}  // namespace gradus
