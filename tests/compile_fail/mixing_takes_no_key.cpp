// expects: policy Stir of axis mixing has a wrong `mix`; declare it `void mix(gradus::Batch& batch,
// std::uint64_t key) const`.
#include "mini.hpp"
#include <gradus/policy/mixing/concept.hpp>

struct Stir {
  using slot = slot::mixing;
  static constexpr std::string_view name = "Stir";
  static constexpr bool mixes = true;
  static constexpr auto fields() { return no_fields; }
  void mix(Batch& batch) const;
};

Trainer<Net, Stir> trainer;
