// expects: policy Shears of axis clipping has no `clip`; add `void clip(const
// std::vector<at::Tensor>& gradients) const`.
#include "mini.hpp"
#include <gradus/policy/clipping/concept.hpp>

struct Shears {
  using slot = slot::clipping;
  static constexpr std::string_view name = "Shears";
  static constexpr bool clips = true;
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Shears> trainer;
