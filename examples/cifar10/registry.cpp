#include "configuration_of.hpp"
#include "configurations.hpp"
#include <gradus/settings/nearest.hpp>
#ifdef GRADUS_DISTRIBUTED
#include <gradus/policy/distribution/data_parallel.hpp>
#endif

namespace cifar10 {

namespace {

/// Each configuration can be trained by several processes, where the program is built for them.
#ifdef GRADUS_DISTRIBUTED
template <class T>
using Trained = with<T, DataParallel>;
#else
template <class T>
using Trained = T;
#endif

}  // namespace

const std::vector<const Configuration*>& configurations() {
  static const ConfigurationOf<Trained<Unoptimized>> unoptimized("unoptimized");
  static const ConfigurationOf<Trained<Optimized>> optimized("optimized");
  static const ConfigurationOf<Trained<Fastest>> fastest("fastest");
  static const ConfigurationOf<Trained<Record>> record("record", "", "", record_epochs);
  static const std::vector<const Configuration*> all{&unoptimized, &optimized, &fastest, &record};
  return all;
}

const std::vector<const Configuration*>& compared_configurations() {
  static const std::vector<const Configuration*> compared = [] {
    auto list = configurations();
    list.pop_back();  // another network, and as many epochs as its aim takes
    return list;
  }();
  return compared;
}

std::string configuration_names() {
  std::string names;
  const auto& all = configurations();
  for (std::size_t i = 0; i < all.size(); ++i) {
    names += (i == 0 ? "" : i + 1 < all.size() ? ", " : " or ") + std::string(all[i]->name());
  }
  return names;
}

const Configuration& configuration(std::string_view name) {
  std::vector<std::string> known;
  for (const auto* candidate : configurations()) {
    if (candidate->name() == name) return *candidate;
    known.emplace_back(candidate->name());
  }
  throw UsageError("there is no configuration '" + std::string(name) + "'" +
                   suggestion(name, known));
}

}  // namespace cifar10
