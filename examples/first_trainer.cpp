#include <gradus/gradus.hpp>

#include <iostream>

struct NetImpl : torch::nn::Module {
  torch::nn::Linear layer = register_module("layer", torch::nn::Linear(3 * 32 * 32, 10));
  at::Tensor forward(const at::Tensor& images) { return layer(images.flatten(1)); }
};
TORCH_MODULE(Net);

int main(int argc, char** argv) {
  const auto [train, test] = gradus::data::read_cifar10(argc > 1 ? argv[1] : ".");
  gradus::Trainer<Net, gradus::AdamW, gradus::OneCycle, gradus::Mixed> trainer(Net(),
                                                                               {.epochs = 2});
  std::cout << *trainer.fit(train, test).epochs.back().test->accuracy() << '\n';
}
