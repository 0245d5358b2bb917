// expects: the axis Noise of policy Loud has no name; add `static constexpr std::string_view name =
// "...";` to the axis.
#include "mini.hpp"

struct Noise {};
struct Loud {
  using slot = Noise;
};

Trainer<Net, Loud> trainer;
