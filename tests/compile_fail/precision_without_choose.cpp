// expects: policy Half of axis precision has no `choose`; add `gradus::PrecisionChoice
// choose(c10::Device device) const`.
#include "mini.hpp"

struct Half {
  using slot = slot::precision;
  static constexpr std::string_view name = "Half";
  static constexpr auto fields() { return no_fields; }
  struct State {};
  State start(c10::Device) const;
  int forward_scope(const State&) const;
  std::nullptr_t scaler(State&) const;
};

Trainer<Net, Half> trainer;
