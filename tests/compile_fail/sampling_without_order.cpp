// expects: policy Backwards of axis sampling has no `order`; add `std::vector<std::int64_t>
// order(const gradus::SampleDraw& draw) const`.
#include "mini.hpp"
#include <gradus/policy/sampling/concept.hpp>

struct Backwards {
  using slot = slot::sampling;
  static constexpr std::string_view name = "Backwards";
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Backwards> trainer;
