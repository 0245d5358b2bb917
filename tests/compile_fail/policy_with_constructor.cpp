// expects: policy Ramp of axis schedule is not an aggregate with defaults; take away its
// constructors and private data, and give each member a default.
#include "mini.hpp"

struct Ramp {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Ramp";
  static constexpr auto fields() { return no_fields; }
  explicit Ramp(double) {}
};

Trainer<Net, Ramp> trainer;
