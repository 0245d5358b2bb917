// expects: policy Hiss of extension axis noise takes no part in the step; add `using hooks =
// gradus::Hooks<gradus::hook::...>;`
#include "mini.hpp"

struct noise {
  static constexpr std::string_view name = "noise";
};
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Hiss> trainer;
