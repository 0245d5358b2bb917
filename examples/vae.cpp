/// A variational autoencoder: images as 32 numbers and back. The images are CIFAR-10's, and how
/// well it does is told by images that it has not seen.
#include <gradus/gradus.hpp>

#include <iostream>
#include <tuple>

using namespace gradus;

constexpr std::int64_t image_size = 3 * 32 * 32;
constexpr std::int64_t code_size = 32;

struct VaeImpl : torch::nn::Module {
  torch::nn::Linear in = register_module("in", torch::nn::Linear(image_size, 256));
  torch::nn::Linear mean = register_module("mean", torch::nn::Linear(256, code_size));
  torch::nn::Linear spread = register_module("spread", torch::nn::Linear(256, code_size));
  torch::nn::Linear middle = register_module("middle", torch::nn::Linear(code_size, 256));
  torch::nn::Linear out = register_module("out", torch::nn::Linear(256, image_size));

  /// The images again, and the mean and the logarithm of the variance of their codes.
  std::tuple<at::Tensor, at::Tensor, at::Tensor> forward(const at::Tensor& images) {
    const auto seen = in(images.flatten(1)).relu();
    const auto centre = mean(seen);
    const auto log_variance = spread(seen);
    auto code = centre;
    if (is_training()) code = code + torch::randn_like(code) * (log_variance / 2).exp();
    return {out(middle(code).relu()).view(images.sizes()), centre, log_variance};
  }
};
TORCH_MODULE(Vae);

int main(int argc, char** argv) {
  const auto [train, test] = data::read_cifar10(argc > 1 ? argv[1] : ".");
  torch::manual_seed(0);
  using Fit = Trainer<Vae, Preset<Reconstruction{.beta = 0.5}>, SquaredError, MeanSquaredError,
                      AdamW, Preset<Plain{.batch_size = 64}>>;
  Fit trainer(Vae(), {.epochs = 8});
  const auto before = *trainer.evaluate(test).loss;
  const auto history = trainer.fit(train, test);
  const auto& found = *history.epochs.back().test;
  std::cout << "held-out loss " << before << ", then " << *found.loss << ", of which "
            << *found.metric("mean_squared_error") << " by the images\n";
  std::cout << "a loss " << static_cast<int>(100 * (1 - *found.loss / before)) << "% lower\n";
}
