// expects: the hook before_forward of policy Hiss of axis noise does not take batches Pair; let it
// take `Pair&`.
#include "mini.hpp"

struct Pair {
  at::Tensor image;
  at::Tensor target;
};
struct Pairs {
  std::int64_t size() const { return 1; }
  Pair batch(std::span<const std::int64_t>) const { return {}; }
};
struct Own {
  using slot = slot::task;
  static constexpr std::string_view name = "Own";
  static constexpr auto fields() { return no_fields; }
  TaskResult forward(auto& model, const Pair& batch, const auto& loss) const {
    return {loss(model->forward(batch.image), batch.target)};
  }
};
struct noise {
  static constexpr std::string_view name = "noise";
};
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::before_forward>;
  void before_forward(Batch&, const StepContext&) const {}
};

int main() {
  Trainer<Net, Own, Hiss> trainer{Net()};
  return static_cast<int>(trainer.fit(Pairs()).epochs.size());
}
