#include "configuration_of.hpp"
#include "configurations.hpp"
#include <gradus/settings/nearest.hpp>

namespace cifar10 {

const std::vector<const Configuration*>& configurations() {
  static const ConfigurationOf<Unoptimized> unoptimized("unoptimized");
  static const ConfigurationOf<Optimized> optimized("optimized");
  static const ConfigurationOf<Fastest> fastest("fastest");
  static const std::vector<const Configuration*> all{&unoptimized, &optimized, &fastest};
  return all;
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
