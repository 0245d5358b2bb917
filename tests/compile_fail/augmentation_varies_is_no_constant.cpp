// expects: policy Shake of axis augmentation has a wrong `varies`; declare it `static constexpr
// bool varies = true;`.
#include "mini.hpp"

struct Shake {
  using slot = slot::augmentation;
  static constexpr std::string_view name = "Shake";
  static constexpr auto fields() { return no_fields; }
  bool varies = true;
  ImageTransform draw(const SampleKey&) const;
};

Trainer<Net, Shake> trainer;
