// expects: policy Hiss of axis noise has a wrong `before_step`; declare it `void before_step(const
// gradus::StepContext& context) const`.
#include "mini.hpp"

struct noise {
  static constexpr std::string_view name = "noise";
};
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::before_step>;
  void before_step() const;
};

Trainer<Net, Hiss> trainer;
