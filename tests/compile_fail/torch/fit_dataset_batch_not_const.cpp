// expects: dataset Stream of fit makes no batches; declare `gradus::Batch batch(std::span<const
// std::int64_t> indices) const`, or let it return tensors of another form.
#include "mini.hpp"

struct Stream {
  std::int64_t size() const { return 1; }
  Batch batch(std::span<const std::int64_t>) { return {}; }
};

int main() {
  Trainer<Net> trainer{Net()};
  Stream stream;
  return static_cast<int>(trainer.fit(stream).epochs.size());
}
