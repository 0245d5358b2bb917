// expects: is not a member of
// expects from clang: no member named 'befor_step' in namespace
// The compiler's own words: a name is looked up before any check of ours.
#include "mini.hpp"

struct noise {
  static constexpr std::string_view name = "noise";
};
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::befor_step>;
};

Trainer<Net, Hiss> trainer;
