// expects: policy Ramp of axis schedule does not declare its numbers; add `static constexpr auto
// fields()
#include "mini.hpp"

struct Ramp {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Ramp";
};

Trainer<Net, Ramp> trainer;
