// expects: policy Ramp of axis schedule has no `at`; add `gradus::Rates at(std::int64_t step,
// std::int64_t total_steps, double learning_rate) const`.
#include "mini.hpp"

struct Ramp {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Ramp";
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Ramp> trainer;
