// expects: policy Shovel of axis loading has no `plan`; add `gradus::LoadingPlan plan() const`.
#include "mini.hpp"

struct Shovel {
  using slot = slot::loading;
  static constexpr std::string_view name = "Shovel";
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Shovel> trainer;
