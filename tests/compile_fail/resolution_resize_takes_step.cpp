// expects: policy Lens of axis resolution has a wrong `resize`; declare it `at::Tensor resize(const
// at::Tensor& images, double part) const`.
#include "mini.hpp"

struct Lens {
  using slot = slot::resolution;
  static constexpr std::string_view name = "Lens";
  static constexpr auto fields() { return no_fields; }
  at::Tensor resize(const at::Tensor&, int) const;
};

Trainer<Net, Lens> trainer;
