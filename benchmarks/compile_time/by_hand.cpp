// What one writes with LibTorch alone: a small residual network, a data loader, AdamW, the loop.
#include <torch/torch.h>

#include <iostream>

struct BlockImpl : torch::nn::Module {
  torch::nn::Conv2d conv1, conv2, shortcut;
  torch::nn::BatchNorm2d norm1, norm2;

  BlockImpl(std::int64_t in, std::int64_t out, std::int64_t stride)
      : conv1(torch::nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)),
        conv2(torch::nn::Conv2dOptions(out, out, 3).padding(1).bias(false)),
        shortcut(torch::nn::Conv2dOptions(in, out, 1).stride(stride).bias(false)),
        norm1(out),
        norm2(out) {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("shortcut", shortcut);
    register_module("norm1", norm1);
    register_module("norm2", norm2);
  }

  torch::Tensor forward(const torch::Tensor& x) {
    const auto y = norm2(conv2(norm1(conv1(x)).relu()));
    return (y + shortcut(x)).relu();
  }
};
TORCH_MODULE(Block);

struct NetImpl : torch::nn::Module {
  torch::nn::Sequential body = register_module(
      "body", torch::nn::Sequential(Block(3, 64, 1), Block(64, 128, 2), Block(128, 256, 2),
                                    Block(256, 512, 2), torch::nn::AdaptiveAvgPool2d(1),
                                    torch::nn::Flatten(), torch::nn::Linear(512, 10)));
  torch::Tensor forward(const torch::Tensor& x) { return body->forward(x); }
};
TORCH_MODULE(Net);

int main() {
  const auto images = torch::randn({1024, 3, 32, 32});
  const auto labels = torch::randint(0, 10, {1024}, torch::kLong);
  auto set = torch::data::datasets::TensorDataset({images})
                 .map(torch::data::transforms::Lambda<torch::data::TensorExample>(
                     [](torch::data::TensorExample example) { return example; }))
                 .map(torch::data::transforms::Stack<torch::data::TensorExample>());
  auto loader = torch::data::make_data_loader<torch::data::samplers::RandomSampler>(
      std::move(set), torch::data::DataLoaderOptions().batch_size(256).workers(2));

  Net net;
  torch::optim::AdamW optimizer(net->parameters(), torch::optim::AdamWOptions(0.02));
  for (int epoch = 0; epoch < 5; ++epoch) {
    net->train();
    double sum = 0;
    std::int64_t first = 0;
    for (auto& batch : *loader) {
      const auto size = batch.data.size(0);
      const auto target = labels.narrow(0, first, size);
      first += size;
      optimizer.zero_grad();
      const auto loss = torch::nn::functional::cross_entropy(net(batch.data), target);
      loss.backward();
      optimizer.step();
      sum += loss.item<double>() * static_cast<double>(size);
    }
    net->eval();
    const torch::NoGradGuard no_grad;
    const auto correct = net(images).argmax(1).eq(labels).sum().item<std::int64_t>();
    std::cout << "epoch " << epoch << ": loss " << sum / 1024 << ", " << correct << " right\n";
  }
}
