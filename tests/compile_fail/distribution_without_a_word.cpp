// expects: policy Silent of axis distribution has no `distributes`; add `static constexpr bool
// distributes = true;`.
#include "mini.hpp"
#include <gradus/policy/distribution/concept.hpp>

struct Silent {
  using slot = slot::distribution;
  static constexpr std::string_view name = "Silent";
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Silent> trainer;
