// expects: policy Skill of axis metric has a wrong `values`; declare it `at::Tensor values(const
// at::Tensor& tally) const`.
#include "mini.hpp"

struct Skill {
  using slot = slot::metric;
  static constexpr std::string_view name = "Skill";
  static constexpr auto fields() { return no_fields; }
  static constexpr std::string_view label = "skill";
  static constexpr bool higher_is_better = true;
  at::Tensor tally(const at::Tensor&, const at::Tensor&) const;
  std::optional<double> value(const at::Tensor&) const;
  std::vector<double> values(const at::Tensor&) const;
};

Trainer<Net, Skill> trainer;
