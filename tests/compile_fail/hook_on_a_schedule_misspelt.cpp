// expects: policy Ramp of axis schedule declares the hook `before_backward` but has no such member;
// add `void before_backward(at::Tensor& loss, const gradus::StepContext& context) const`.
#include "mini.hpp"

struct Ramp {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Ramp";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::before_backward>;
  Rates at(std::int64_t, std::int64_t, double) const;
};

Trainer<Net, Ramp> trainer;
