// expects: policy Hiss of axis noise has a wrong `around_step`; declare it `auto around_step(const
// gradus::StepContext& context) const`.
#include "mini.hpp"

struct noise {
  static constexpr std::string_view name = "noise";
};
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::around_step>;
  void around_step(const StepContext&) const;
};

Trainer<Net, Hiss> trainer;
