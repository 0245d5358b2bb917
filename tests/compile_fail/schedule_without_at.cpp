// expects: policy Ramp of axis schedule has no `at`; add `gradus::Rates at(
#include "mini.hpp"

struct Ramp {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Ramp";
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Ramp> trainer;
