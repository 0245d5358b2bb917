// expects: policy SecondHalf of axis freezing has a wrong `frozen`; declare it `bool
// frozen(std::string_view name, std::int64_t epoch) const`.
#include "mini.hpp"
#include <gradus/policy/freezing/concept.hpp>

struct SecondHalf {
  using slot = slot::freezing;
  static constexpr std::string_view name = "SecondHalf";
  static constexpr bool freezes = true;
  static constexpr auto fields() { return no_fields; }
  bool frozen(std::string_view) const { return true; }
};

Trainer<Net, SecondHalf> trainer;
