// expects: policy Ramp of axis schedule does not declare its numbers in public; add `static
// constexpr auto fields() { return gradus::fields_of(...); }`, or `return gradus::no_fields;` if it
// has none.
#include "mini.hpp"

struct Ramp {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Ramp";
};

Trainer<Net, Ramp> trainer;
