// expects: dataset Stream of fit makes no batches; declare `gradus::Batch batch(std::span<const
// std::int64_t> indices) const`, or let it return tensors of another form.
#include "mini.hpp"

struct Stream {
  std::int64_t size() const;
  double batch(std::span<const std::int64_t>) const;
};

void train() { fit(Stream(), Squares()); }
