// expects: dataset Endless of fit does not say how many samples it has; add `std::int64_t size()
// const`.
#include "mini.hpp"

struct Endless {
  Batch batch(std::span<const std::int64_t>) const;
};

void train() { fit(Endless()); }
