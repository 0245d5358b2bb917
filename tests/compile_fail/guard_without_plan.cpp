// expects: policy Dog of axis guard has no `plan`; add `gradus::GuardPlan plan() const`.
#include "mini.hpp"
#include <gradus/policy/guard/concept.hpp>

struct Dog {
  using slot = slot::guard;
  static constexpr std::string_view name = "Dog";
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Dog> trainer;
