/// The program of docs/tutorial.md: a classifier of points on three spirals, from zero.
#include <gradus/gradus.hpp>

#include <filesystem>
#include <iostream>
#include <span>
#include <vector>

class Spirals {
 public:
  Spirals(std::int64_t size, std::uint64_t seed) {
    auto generator = at::detail::createCPUGenerator(seed);
    targets_ = torch::randint(0, 3, {size}, generator, torch::kLong);
    const auto radius = torch::rand({size}, generator);
    const auto noise = 0.1 * torch::randn({size}, generator);
    const auto angle = 4 * radius + 2.1 * targets_ + noise;
    points_ = torch::stack({radius * angle.cos(), radius * angle.sin()}, 1);
  }

  std::int64_t size() const { return targets_.size(0); }

  gradus::Batch batch(std::span<const std::int64_t> indices) const {
    const auto chosen = torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()));
    return {points_.index_select(0, chosen), targets_.index_select(0, chosen)};
  }

 private:
  at::Tensor points_;   // [N, 2]
  at::Tensor targets_;  // [N]
};

struct NetImpl : torch::nn::Module {
  torch::nn::Linear in = register_module("in", torch::nn::Linear(2, 64));
  torch::nn::Linear middle = register_module("middle", torch::nn::Linear(64, 64));
  torch::nn::Linear out = register_module("out", torch::nn::Linear(64, 3));

  at::Tensor forward(const at::Tensor& points) { return out(middle(in(points).relu()).relu()); }
};
TORCH_MODULE(Net);

using First = gradus::Trainer<Net>;
using Better = gradus::Trainer<Net, gradus::Preset<gradus::AdamW{.lr = 0.01}>,
                               gradus::Preset<gradus::OneCycle{.max_lr = 0.02}>>;

template <class Trainer>
double accuracy_of(const Spirals& train, const Spirals& test, const std::string& file) {
  torch::manual_seed(0);  // of the weights; RunSettings::seed is that of the order of samples
  Trainer trainer(Net(), {.epochs = 20});
  const auto history = trainer.fit(train, test);
  gradus::save_weights(*trainer.model(), file, {});
  return *history.epochs.back().test->accuracy();
}

int main() {
  const Spirals train(2000, 1);
  const Spirals test(500, 2);
  std::cout << "first:  " << accuracy_of<First>(train, test, "first.safetensors") << '\n';
  const double accuracy = accuracy_of<Better>(train, test, "better.safetensors");
  std::cout << "better: " << accuracy << '\n';

  Net net;
  gradus::load_weights(*net, gradus::read_safetensors("better.safetensors"));
  const auto scores = net->forward(torch::tensor({{0.5, 0.1}}));
  std::cout << "the point (0.5, 0.1) is of class " << scores.argmax(1).item<std::int64_t>() << '\n';
  return accuracy > 0.9 ? 0 : 1;
}
