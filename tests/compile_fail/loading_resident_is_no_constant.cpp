// expects: policy Placed of axis loading has a wrong `resident`; declare it `static constexpr bool
// resident = true;`.
#include "mini.hpp"

struct Placed {
  using slot = slot::loading;
  static constexpr std::string_view name = "Placed";
  static constexpr auto fields() { return no_fields; }
  bool resident = true;
  LoadingPlan plan() const;
};

Trainer<Net, Placed> trainer;
