// expects: policy Shake of axis augmentation has a wrong `draw`; declare it `gradus::ImageTransform
// draw(const gradus::SampleKey& key) const`.
#include "mini.hpp"

struct Shake {
  using slot = slot::augmentation;
  static constexpr std::string_view name = "Shake";
  static constexpr auto fields() { return no_fields; }
  static constexpr bool varies = true;
  ImageTransform draw(const SampleKey&);
};

Trainer<Net, Shake> trainer;
