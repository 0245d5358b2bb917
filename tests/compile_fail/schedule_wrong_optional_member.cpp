// expects: policy Ramp of axis schedule has a wrong `cycles_momentum`; declare it `constexpr bool
// cycles_momentum() const`.
#include "mini.hpp"

struct Ramp {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Ramp";
  static constexpr auto fields() { return no_fields; }
  Rates at(std::int64_t, std::int64_t, double) const;
  int cycles_momentum() const;
};

Trainer<Net, Ramp> trainer;
