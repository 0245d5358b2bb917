/// What a file says of the run in it, as JSON in its metadata.
#pragma once

#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/error.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Raised when an older gradus could not read the file right. 2: losses have weights, records may
/// lack a metric, frozen parameters are told apart.
inline constexpr std::int64_t run_file_format = 2;

/// Discarded if `text` is not JSON, or nested so deep that to copy it would overflow the stack.
[[nodiscard]] inline nlohmann::ordered_json parse_metadata(const std::string& text) {
  using json = nlohmann::ordered_json;
  constexpr int deepest = 32;
  bool too_deep = false;
  const auto watch = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > deepest;
    return !too_deep;
  };
  auto parsed = json::parse(text, watch, /*allow_exceptions=*/false);
  return too_deep ? json(json::value_t::discarded) : parsed;
}

/// Whether the file is that of a run (checkpoint/run_file.hpp) and not of weights alone.
[[nodiscard]] inline bool holds_run(const Safetensors& file) {
  return file.metadata.contains("gradus");
}

/// Of a file that holds a run; `name` is what it is called in errors. Throws CheckpointError for
/// one of a newer format, or that describes itself in another form.
[[nodiscard]] inline nlohmann::ordered_json run_manifest(const Safetensors& file,
                                                         const std::string& name) {
  auto manifest = parse_metadata(file.metadata.at("gradus"));
  const auto format =
      manifest.is_object() ? manifest.value("format", nlohmann::ordered_json()) : manifest;
  if (!format.is_number_integer()) {
    throw CheckpointError(
        name + " describes itself in another form than expected; use another checkpoint.");
  }
  const bool newer = format.is_number_unsigned()
                         ? std::cmp_greater(format.get<std::uint64_t>(), run_file_format)
                         : format.get<std::int64_t>() > run_file_format;
  if (newer) {
    throw CheckpointError(name + " has format " + dump(format) + ", but this gradus reads up to " +
                          std::to_string(run_file_format) +
                          "; resume it with the version that wrote it, " +
                          dump(manifest.value("gradus", nlohmann::ordered_json())) + ".");
  }
  return manifest;
}

/// Throws CheckpointError for the state of a run in an older format, which lacks what this one
/// needs. Its weights can still be read.
inline void refuse_older_state(const nlohmann::ordered_json& manifest, const std::string& name) {
  const auto& format = manifest.at("format");
  if (format == run_file_format) return;
  throw CheckpointError(name + " holds the state of a run in format " + dump(format) +
                        ", but this gradus resumes format " + std::to_string(run_file_format) +
                        "; resume it with the version that wrote it, " +
                        dump(manifest.value("gradus", nlohmann::ordered_json())) +
                        ", or start a new run from its weights.");
}

/// Adds what can change the last bits of a run beside its configuration.
inline void add_surroundings(nlohmann::ordered_json& manifest) {
  manifest["libtorch"] = TORCH_VERSION;
  manifest["threads"] = at::get_num_threads();
}

/// A sentence for each of those that is another one now.
[[nodiscard]] inline std::vector<std::string> other_surroundings(
    const nlohmann::ordered_json& manifest) {
  nlohmann::ordered_json here;
  add_surroundings(here);
  std::vector<std::string> sentences;
  for (const auto* what : {"threads", "libtorch"}) {
    const auto before = manifest.value(what, nlohmann::ordered_json());
    if (before == here[what]) continue;
    sentences.push_back(std::string(what) + ": " + dump(before) + " then, " + dump(here[what]) +
                        " now; the run resumes, but its last bits may differ.");
  }
  return sentences;
}

}  // namespace gradus
