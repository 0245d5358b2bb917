// expects: policy Backwards of axis sampling has a wrong `order`; declare it
// `std::vector<std::int64_t> order(const gradus::SampleDraw& draw) const`.
#include "mini.hpp"
#include <gradus/policy/sampling/concept.hpp>

struct Backwards {
  using slot = slot::sampling;
  static constexpr std::string_view name = "Backwards";
  static constexpr auto fields() { return no_fields; }
  std::vector<std::int64_t> order(std::int64_t size) const;
};

Trainer<Net, Backwards> trainer;
