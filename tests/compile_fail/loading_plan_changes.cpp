// expects: policy Shovel of axis loading has a wrong `plan`; declare it `gradus::LoadingPlan plan()
// const`.
#include "mini.hpp"

struct Shovel {
  using slot = slot::loading;
  static constexpr std::string_view name = "Shovel";
  static constexpr auto fields() { return no_fields; }
  LoadingPlan plan();
};

Trainer<Net, Shovel> trainer;
