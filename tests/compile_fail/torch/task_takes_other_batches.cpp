// expects: policy Supervised of axis task cannot compute batches Pair with model Net; let its
// `forward(model, batch, loss)` take them and return a gradus::TaskResult, or choose a task that
// does.
#include "mini.hpp"

struct Pair {
  at::Tensor image;
  at::Tensor facts;
};
struct Pairs {
  std::int64_t size() const { return 1; }
  Pair batch(std::span<const std::int64_t>) const { return {}; }
};

int main() {
  Trainer<Net> trainer{Net()};
  return static_cast<int>(trainer.fit(Pairs()).epochs.size());
}
