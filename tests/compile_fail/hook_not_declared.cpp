// expects: policy Hiss of axis noise has a member `after_step` that would never be called; name it
// in `using hooks = gradus::Hooks<gradus::hook::...>;`.
#include "mini.hpp"

struct noise {
  static constexpr std::string_view name = "noise";
};
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::before_step>;
  void before_step(const StepContext&) const;
  void after_step(const StepContext&) const;
};

Trainer<Net, Hiss> trainer;
