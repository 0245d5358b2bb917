// expects: policy Hiss of axis noise has a wrong `before_forward`; declare it `void
// before_forward(gradus::Batch& batch, const gradus::StepContext& context) const`.
#include "mini.hpp"

struct noise {
  static constexpr std::string_view name = "noise";
};
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::before_forward>;
  void before_forward(const Batch&, const StepContext&) const;
};

Trainer<Net, Hiss> trainer;
