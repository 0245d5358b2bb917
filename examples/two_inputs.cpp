/// Two inputs: what is on an image, from its pixels in grey and from its colours in numbers. A
/// batch of one's own, a task of one's own; the images are CIFAR-10's.
#include <gradus/gradus.hpp>

#include <algorithm>
#include <iostream>
#include <numeric>
#include <string_view>
#include <vector>

using namespace gradus;

struct Pictures {
  at::Tensor grey;     ///< [N, 1, 32, 32]
  at::Tensor colours;  ///< [N, 6], the mean and the deviation of red, green and blue
  at::Tensor target;   ///< [N]
};

/// The first `count` images as tensors that lie in memory.
data::TensorDataset<Pictures> pictures(const data::ImageDataset& images, std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(count, images.size())));
  std::iota(indices.begin(), indices.end(), 0);
  const auto [input, target] = images.batch(indices);
  const auto colours = torch::cat({input.mean({2, 3}), input.std({2, 3})}, 1);
  return data::TensorDataset(Pictures{input.mean(1, /*keepdim=*/true), colours, target});
}

struct TwoInputsImpl : torch::nn::Module {
  torch::nn::Conv2d first =
      register_module("first", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 24, 5).stride(2)));
  torch::nn::Conv2d second =
      register_module("second", torch::nn::Conv2d(torch::nn::Conv2dOptions(24, 48, 5).stride(2)));
  torch::nn::Linear both = register_module("both", torch::nn::Linear(48 * 5 * 5 + 6, 128));
  torch::nn::Linear scores = register_module("scores", torch::nn::Linear(128, 10));

  at::Tensor forward(const at::Tensor& grey, const at::Tensor& colours) {
    const auto shapes = second(first(grey).relu()).relu().flatten(1);
    return scores(both(torch::cat({shapes, colours}, 1)).relu());
  }
};
TORCH_MODULE(TwoInputs);

struct BothInputs {
  using slot = gradus::slot::task;
  static constexpr std::string_view name = "BothInputs";
  static constexpr auto fields() { return no_fields; }

  TaskResult forward(auto& model, const Pictures& batch, const auto& loss) const {
    const auto output = model->forward(batch.grey, batch.colours);
    return {loss(output, batch.target), output, batch.target};
  }
};

int main(int argc, char** argv) {
  const auto [train, test] = data::read_cifar10(argc > 1 ? argv[1] : ".");
  torch::manual_seed(0);
  using Fit = Trainer<TwoInputs, BothInputs, AdamW, Preset<OneCycle{.max_lr = 0.003}>, TopK<3>,
                      Preset<Plain{.batch_size = 64}>>;
  Fit trainer(TwoInputs(), {.epochs = 6});
  const auto history = trainer.fit(pictures(train, 5000), pictures(test, 1000));
  const auto& found = *history.epochs.back().test;
  std::cout << "accuracy " << *found.accuracy() << ", among the first three "
            << *found.metric("top3") << "; by chance 0.1 and 0.3\n";
}
