// expects: policy SecondHalf of axis freezing has no `freezes`; add `static constexpr bool
// freezes = true;`.
#include "mini.hpp"
#include <gradus/policy/freezing/concept.hpp>

struct SecondHalf {
  using slot = slot::freezing;
  static constexpr std::string_view name = "SecondHalf";
  static constexpr auto fields() { return no_fields; }
  bool frozen(std::string_view, std::int64_t) const { return true; }
};

Trainer<Net, SecondHalf> trainer;
