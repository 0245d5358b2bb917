// expects: dataset Table of fit makes no batches; declare `gradus::Batch batch(std::span<const
// std::int64_t> indices) const`.
#include "mini.hpp"

struct Table {
  std::int64_t size() const;
  at::Tensor batch(std::span<const std::int64_t>) const;
};

void train() { fit(Squares(), Table()); }
