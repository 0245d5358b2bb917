// expects: policy Ramp of axis schedule has a wrong `at`; declare it `gradus::Rates at(std::int64_t
// step, std::int64_t total_steps, double learning_rate) const`.
#include "mini.hpp"

struct Ramp {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Ramp";
  static constexpr auto fields() { return no_fields; }
  Rates at(std::int64_t, std::int64_t, double);
};

Trainer<Net, Ramp> trainer;
