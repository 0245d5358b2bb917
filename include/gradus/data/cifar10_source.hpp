/// Finds CIFAR-10: a given folder, the environment, the cache, a download, or the shipped subset.
#pragma once

#include <gradus/data/cifar10_download.hpp>
#include <gradus/data/cifar10_files.hpp>
#include <gradus/error.hpp>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>

namespace gradus::data {

/// Where the data came from, in the order in which the places are tried.
enum class Cifar10Origin { folder, environment, cache, download, shipped_subset };

/// Whether a missing data set may be downloaded.
enum class Network { allowed, off };

/// Where to look. The defaults are those of a program without flags, but for the shipped subset.
struct Cifar10Search {
  std::optional<std::filesystem::path> folder;  ///< asked for by name (`--data`)
  std::filesystem::path shipped_subset;         ///< the last resort; empty: there is none
  Network network = Network::allowed;
  Cifar10Archive archive;
  std::function<void(const std::string&)> announce;  ///< told of a download before it begins
};

/// Where CIFAR-10 was found, as `find_cifar10` returns it.
struct Cifar10Source {
  std::filesystem::path folder;  ///< holds the six files
  Cifar10Origin origin = Cifar10Origin::folder;
  std::string sentence;  ///< which data is used, and why none of the earlier places
};

/// The cache folder of gradus: `GRADUS_CACHE`, else `gradus` in `XDG_CACHE_HOME`, else in
/// `~/.cache`; nothing when none of those is set.
[[nodiscard]] inline std::optional<std::filesystem::path> cache_folder() {
  const auto variable = [](const char* name) -> std::optional<std::filesystem::path> {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
  if (const auto own = variable("GRADUS_CACHE")) return own;
  if (const auto user = variable("XDG_CACHE_HOME")) return *user / "gradus";
  if (const auto home = variable("HOME")) return *home / ".cache" / "gradus";
  return std::nullopt;
}

/// Tries `search.folder`, the environment variable GRADUS_CIFAR10, `cifar-10-batches-bin` in
/// `cache_folder()`, a download into that, and `search.shipped_subset`, and takes the first that
/// holds the six files. Throws DataError when a place that was asked for by name, by flag or
/// variable, does not hold them, and when no place does. What the files hold is for `read_cifar10`
/// to check.
[[nodiscard]] inline Cifar10Source find_cifar10(const Cifar10Search& search) {
  const auto found = [](const std::filesystem::path& folder, Cifar10Origin origin,
                        const std::string& because) -> Cifar10Source {
    const auto place = cifar10_folder(folder);
    const auto* what = is_subset(place) ? "a subset of CIFAR-10" : "the full CIFAR-10";
    return {place, origin, "Using " + (what + (" from " + place.string())) + ": " + because + "."};
  };

  if (search.folder) return found(*search.folder, Cifar10Origin::folder, "the folder asked for");

  if (const char* value = std::getenv("GRADUS_CIFAR10"); value != nullptr && *value != '\0') {
    try {
      return found(value, Cifar10Origin::environment, "GRADUS_CIFAR10 names it");
    } catch (const DataError& error) {
      throw DataError("GRADUS_CIFAR10 is set, but: " + std::string(error.what()));
    }
  }

  std::string why = "no folder was given, GRADUS_CIFAR10 is not set";
  const auto cache = cache_folder();
  const auto cached = cache.value_or("") / "cifar-10-batches-bin";
  if (!cache) {
    why += ", there is no cache folder";
  } else if (holds_cifar10(cached)) {
    return found(cached, Cifar10Origin::cache, "the cached copy, because " + why);
  } else {
    why += ", the cache " + cached.string() + " does not hold it";
  }

  if (cache && search.network == Network::allowed) {
    try {
      if (search.announce) search.announce("Fetching CIFAR-10 (170 MB) from " + search.archive.url);
      download_cifar10(cached, search.archive);
      return found(cached, Cifar10Origin::download, "fetched just now, because " + why);
    } catch (const Error& error) {
      why += ", and it could not be fetched: " + std::string(error.what());
      while (why.back() == '.') why.pop_back();
    }
  } else {
    why += ", and the network is not to be used";
  }

  if (!holds_cifar10(search.shipped_subset)) {
    throw DataError(
        "CIFAR-10 is nowhere to be found: " + why +
        "; expected one of these: give the folder that holds data_batch_1.bin, by flag or by "
        "GRADUS_CIFAR10.");
  }
  return found(search.shipped_subset, Cifar10Origin::shipped_subset,
               "the small set that comes with gradus, because " + why);
}

}  // namespace gradus::data
