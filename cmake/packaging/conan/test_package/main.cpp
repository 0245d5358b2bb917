// Fits a line: the smallest training run that shows that the package works.

#include <gradus/gradus.hpp>

#include <iostream>

int main() {
  const at::Tensor input = torch::rand({64, 1});
  const gradus::data::TensorDataset line(gradus::Batch{.input = input, .target = 3 * input + 1});
  gradus::Trainer<torch::nn::Linear, gradus::SquaredError, gradus::Preset<gradus::SGD{.lr = 0.2}>,
                  gradus::Preset<gradus::Plain{.batch_size = 8}>>
      trainer(torch::nn::Linear(1, 1), {.epochs = 30});
  const auto history = trainer.fit(line, line);
  const double loss = *history.epochs.back().test->loss;
  std::cout << "gradus " << gradus::version << ", loss " << loss << '\n';
  return loss < 0.01 ? 0 : 1;
}
