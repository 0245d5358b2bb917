// expects: policy Tilted of axis layout has a wrong `arrange`; declare it `at::Tensor arrange(const
// at::Tensor& tensor) const`.
#include "mini.hpp"

struct Tilted {
  using slot = slot::layout;
  static constexpr std::string_view name = "Tilted";
  static constexpr auto fields() { return no_fields; }
  void arrange(at::Tensor&) const;
};

Trainer<Net, Tilted> trainer;
