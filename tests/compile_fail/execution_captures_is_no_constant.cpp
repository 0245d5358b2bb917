// expects: policy Replayed of axis execution has a wrong `captures`; declare it `static constexpr
// bool captures = true;`.
#include "mini.hpp"
#include <gradus/policy/execution/concept.hpp>

struct Replayed {
  using slot = slot::execution;
  static constexpr std::string_view name = "Replayed";
  static constexpr auto fields() { return no_fields; }
  static constexpr int captures = 1;
};

Trainer<Net, Replayed> trainer;
