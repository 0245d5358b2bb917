/// Which of the processes of a run this one is.
#pragma once

#include <gradus/error.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace gradus {

/// As torchrun says it to each process that it starts.
struct ProcessPlace {
  std::int64_t rank = 0;
  std::int64_t size = 1;        ///< processes of the run
  std::int64_t local_rank = 0;  ///< among those of this machine
  std::string address = loopback;
  std::uint16_t port = 0;     ///< of the store in which they meet
  std::string attempt = "0";  ///< how often the run was started again
  bool hosts_store = true;    ///< whether rank 0 has the store, and not torchrun itself

  static constexpr const char* loopback = "127.0.0.1";

  /// Whether all processes are on this machine, where nobody else can reach them.
  [[nodiscard]] bool is_local() const {
    return address == "localhost" || address == "::1" || address.starts_with("127.");
  }
};

namespace detail {

inline std::int64_t number_in(std::string_view name, const std::string& text, std::int64_t least,
                              std::int64_t most) {
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure == std::errc() && stop == end && number >= least && number <= most) return number;
  throw DistributedError("the environment's " + std::string(name) + " is '" + text +
                         "', but it takes a whole number from " + std::to_string(least) + " to " +
                         std::to_string(most) + "; start the processes with torchrun.");
}

}  // namespace detail

/// From RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT; a run of one process where
/// neither of the first two is set. `variable(name)` is null where that is not set. Throws
/// DistributedError for one that is missing or no such number.
[[nodiscard]] inline ProcessPlace place_from_environment(
    const std::function<const char*(const char*)>& variable = [](const char* name) {
      return static_cast<const char*>(std::getenv(name));
    }) {
  constexpr std::int64_t most_processes = 1 << 16;
  const auto text = [&](const char* name) -> std::optional<std::string> {
    const char* found = variable(name);
    return found == nullptr || *found == '\0' ? std::nullopt : std::optional<std::string>(found);
  };
  const auto needed = [&](const char* name, const char* beside) {
    if (const auto found = text(name)) return *found;
    throw DistributedError("the environment has " + std::string(beside) + ", but no " + name +
                           "; start the processes with torchrun, or set both for each.");
  };
  if (!text("RANK") && !text("WORLD_SIZE")) return {};

  ProcessPlace place;
  place.size = detail::number_in("WORLD_SIZE", needed("WORLD_SIZE", "RANK"), 1, most_processes);
  place.rank = detail::number_in("RANK", needed("RANK", "WORLD_SIZE"), 0, place.size - 1);
  place.local_rank =
      detail::number_in("LOCAL_RANK", text("LOCAL_RANK").value_or("0"), 0, place.size - 1);
  if (place.size == 1) return place;
  place.address = text("MASTER_ADDR").value_or(ProcessPlace::loopback);
  place.port = static_cast<std::uint16_t>(
      detail::number_in("MASTER_PORT", needed("MASTER_PORT", "WORLD_SIZE"), 1,
                        std::numeric_limits<std::uint16_t>::max()));
  place.attempt = text("TORCHELASTIC_RESTART_COUNT").value_or("0");
  place.hosts_store = text("TORCHELASTIC_USE_AGENT_STORE").value_or("False") != "True";
  return place;
}

}  // namespace gradus
