// expects: stream Readings of fit makes no batches; declare `std::optional<gradus::Batch>
// next(std::int64_t samples)`, or let it return tensors of another form.
#include "mini.hpp"

struct Readings {
  std::optional<double> next(std::int64_t samples);
};

void train() { fit(Readings()); }
