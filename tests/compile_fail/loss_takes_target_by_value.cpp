// expects: policy Hinge of axis loss has a wrong `loss`; declare it `at::Tensor loss(const
// at::Tensor& output, const at::Tensor& target) const`.
#include "mini.hpp"

struct Hinge {
  using slot = slot::loss;
  static constexpr std::string_view name = "Hinge";
  static constexpr auto fields() { return no_fields; }
  at::Tensor loss(const at::Tensor&, at::Tensor) const;
  at::Tensor evaluate(const at::Tensor&, const at::Tensor&) const;
};

Trainer<Net, Hinge> trainer;
