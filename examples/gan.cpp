/// A generative adversarial network by hand: two models, two optimizers, two losses, each with the
/// policies of a Stepper. It learns the lines of gradus's own sources as points: length and indent.
#include <gradus/gradus.hpp>

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

using Net = torch::nn::Sequential;

Net mlp(std::int64_t inputs, std::int64_t outputs) {
  return Net(torch::nn::Linear(inputs, 64), torch::nn::ReLU(), torch::nn::Linear(64, 64),
             torch::nn::ReLU(), torch::nn::Linear(64, outputs));
}

/// [lines, 2], of mean 0 and deviation 1.
at::Tensor lines_below(const std::string& folder) {
  std::vector<float> values;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    std::ifstream text(file.path());
    for (std::string line; file.is_regular_file() && std::getline(text, line);) {
      const auto indent = line.find_first_not_of(' ');
      if (indent == std::string::npos) continue;
      values.insert(values.end(), {static_cast<float>(line.size()), static_cast<float>(indent)});
    }
  }
  const auto points = torch::tensor(values).reshape({-1, 2});
  return (points - points.mean(0)) / points.std(0);
}

/// The mean distance between sorted projections of two sets of as many points [N, 2] on 32
/// directions: the sliced Wasserstein distance.
double distance(const at::Tensor& made, const at::Tensor& real) {
  const auto angles = torch::arange(32) * (3.14159265358979 / 32);
  const auto directions = torch::stack({angles.cos(), angles.sin()});  // [2, 32]
  const auto sorted = [&](const at::Tensor& points) {
    return std::get<0>(points.mm(directions).sort(0));
  };
  return (sorted(made) - sorted(real)).abs().mean().item<double>();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return 2;
  using namespace gradus;
  using Player = Stepper<Net, Preset<AdamW{.lr = 1e-3, .beta1 = 0.5}>, Cosine, Mixed,
                         Preset<Accumulate{.steps = 2}>, Preset<ClipNorm{.max_norm = 1}>>;
  torch::manual_seed(0);
  const std::int64_t rounds = 2400;
  const std::int64_t batch = 128;
  const auto real = lines_below(argv[1]).to(default_device());
  Player generator(mlp(8, 2), {.total_steps = rounds / 2});
  Player discriminator(mlp(2, 1), {.total_steps = rounds / 2});

  const auto sample = [&](std::int64_t count) {
    return real.index_select(0, torch::randint(real.size(0), {count}, at::kLong).to(real.device()));
  };
  const auto make = [&](std::int64_t count) {
    return generator.model()->forward(torch::randn({count, 8}, real.options()));
  };
  const auto loss_as = [&](double label, const at::Tensor& points) {
    const auto logits = as_float32(discriminator.model()->forward(points));
    return torch::binary_cross_entropy_with_logits(logits, torch::full_like(logits, label));
  };
  const auto report = [&](const char* when) {
    const torch::NoGradGuard no_grad;
    std::cout << when << " training: distance " << distance(make(2000).cpu(), sample(2000).cpu())
              << '\n';
  };

  report("before");
  for (std::int64_t round = 0; round < rounds; ++round) {
    discriminator.backward(discriminator.forward(
        [&] { return loss_as(0.9, sample(batch)) + loss_as(0, make(batch).detach()); }));
    const auto constant = discriminator.constant_weights();
    generator.backward(generator.forward([&] { return loss_as(1, make(batch)); }));
  }
  report("after");
  if (argc == 3) write_state(argv[2], generator.save_state());
}
