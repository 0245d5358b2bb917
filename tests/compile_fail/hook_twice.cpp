// expects: policy Hiss of axis noise declares the hook `before_step` twice; name it once in its
// `hooks`.
#include "mini.hpp"

struct noise {
  static constexpr std::string_view name = "noise";
};
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::before_step, At<hook::before_step, Phase::late>>;
  void before_step(const StepContext&) const;
};

Trainer<Net, Hiss> trainer;
