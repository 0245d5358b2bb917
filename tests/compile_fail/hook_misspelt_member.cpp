// expects: policy Hiss of axis noise declares the hook `before_step` but has no such member; add
// `void before_step(const gradus::StepContext& context) const`.
#include "mini.hpp"

struct noise {
  static constexpr std::string_view name = "noise";
};
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::before_step>;
  void befor_step(const StepContext&) const;
};

Trainer<Net, Hiss> trainer;
