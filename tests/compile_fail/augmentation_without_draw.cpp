// expects: policy Shake of axis augmentation has no `draw`; add `gradus::ImageTransform draw(const
// gradus::SampleKey& key) const`.
#include "mini.hpp"

struct Shake {
  using slot = slot::augmentation;
  static constexpr std::string_view name = "Shake";
  static constexpr auto fields() { return no_fields; }
  static constexpr bool varies = true;
};

Trainer<Net, Shake> trainer;
