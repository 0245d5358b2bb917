/// A model and a dataset of one's own: a small autoencoder-like classifier whose two layers share a
/// weight, on points around three centres.
#include <gradus/gradus.hpp>

#include <iostream>
#include <span>
#include <vector>

struct SpiralNetImpl : torch::nn::Module {
  torch::nn::Linear in = register_module("in", torch::nn::Linear(2, 32));
  torch::nn::Linear middle = register_module("middle", torch::nn::Linear(32, 32));
  torch::nn::Linear again = register_module("again", torch::nn::Linear(32, 32));
  torch::nn::Linear out = register_module("out", torch::nn::Linear(32, 3));

  at::Tensor forward(const at::Tensor& points) {
    return out(again(middle(in(points).relu()).relu()).relu());
  }
};
TORCH_MODULE(SpiralNet);

/// Anything with `size()` and `batch(indices)` is a dataset. `batch` may be called from several
/// threads, so it is const.
class Spirals {
 public:
  Spirals(std::int64_t size, std::uint64_t seed) {
    auto generator = at::detail::createCPUGenerator(seed);
    targets_ = torch::randint(0, 3, {size}, generator, torch::kLong);
    const auto radius = torch::rand({size}, generator);
    const auto angle = 4 * radius + 2.1 * targets_ + 0.1 * torch::randn({size}, generator);
    inputs_ = torch::stack({radius * angle.cos(), radius * angle.sin()}, 1);
  }

  [[nodiscard]] std::int64_t size() const { return targets_.size(0); }

  [[nodiscard]] gradus::Batch batch(std::span<const std::int64_t> indices) const {
    const auto chosen = torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()));
    return {inputs_.index_select(0, chosen), targets_.index_select(0, chosen)};
  }

 private:
  at::Tensor inputs_;   // [N, 2]
  at::Tensor targets_;  // [N]
};

int main() {
  using namespace gradus;
  using Tied = TieWeights<&SpiralNetImpl::middle, &SpiralNetImpl::again>;
  torch::manual_seed(0);
  Trainer<SpiralNet, Preset<AdamW{.lr = 0.01}>, Tied> trainer(SpiralNet(), {.epochs = 20});
  const auto history = trainer.fit(Spirals(2000, 1), Spirals(500, 2));
  const double accuracy = *history.epochs.back().test->accuracy();
  std::cout << count_parameters(*trainer.model()) << " parameters, test accuracy " << accuracy
            << '\n';
  return accuracy > 0.9 ? 0 : 1;
}
