/// A checkpoint that one process reads for all.
#pragma once

#include <gradus/checkpoint/run_file.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/distributed/share_state.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace gradus {

/// What `find()` finds on the first rank, on all: no other one needs the files. `ranks` is null
/// where there is one.
template <class Find>
[[nodiscard]] std::optional<RunFile> found_by_first(Communicator* ranks, const Find& find) {
  if (ranks == nullptr) return find();
  std::optional<RunFile> run;
  if (ranks->rank() == 0) run = find();
  auto [state, manifest] = share_state(*ranks, run ? run->state : StateDict(),
                                       run ? dump(run->manifest) : std::string());
  if (manifest.empty()) return std::nullopt;
  return RunFile{nlohmann::ordered_json::parse(manifest), std::move(state)};
}

}  // namespace gradus
