// expects: policy Ramp of axis schedule has no name; add `static constexpr std::string_view name =
// "...";`.
#include "mini.hpp"

struct Ramp {
  using slot = slot::schedule;
};

Trainer<Net, Ramp> trainer;
