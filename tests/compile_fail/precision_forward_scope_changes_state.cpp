// expects: policy Half of axis precision has a wrong `forward_scope`; declare it `auto
// forward_scope(const State& state) const`.
#include "mini.hpp"

struct Half {
  using slot = slot::precision;
  static constexpr std::string_view name = "Half";
  static constexpr auto fields() { return no_fields; }
  struct State {};
  PrecisionChoice choose(c10::Device) const;
  State start(c10::Device) const;
  int forward_scope(State&) const;
  std::nullptr_t scaler(State&) const;
};

Trainer<Net, Half> trainer;
