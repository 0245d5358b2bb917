// expects: policy Twice of axis accumulation has a wrong `micro_batches`; declare it `std::int64_t
// micro_batches() const`.
#include "mini.hpp"

struct Twice {
  using slot = slot::accumulation;
  static constexpr std::string_view name = "Twice";
  static constexpr auto fields() { return no_fields; }
  int micro_batches() const;
};

Trainer<Net, Twice> trainer;
