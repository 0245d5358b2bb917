/// Fine-tuning: a ResNet18 learns the ten classes of CIFAR-10, is saved, and becomes one that tells
/// animals from vehicles: a new head, the rest frozen for an epoch, then at a quarter of its rate.
#include <gradus/gradus.hpp>

#include <torch/torch.h>

#include <filesystem>
#include <iostream>
#include <span>

namespace {

using namespace gradus;

/// Images of CIFAR-10 with another question: 1 for an animal, 0 for a vehicle.
struct Animals {
  const data::ImageDataset* images;

  [[nodiscard]] std::int64_t size() const { return images->size(); }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    auto batch = images->batch(indices);
    auto* target = batch.target.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < batch.target.numel(); ++i)
      target[i] = target[i] >= 2 && target[i] <= 7;
    return batch;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::filesystem::path file(argv[2]);
  const auto [whole, held_out] = data::read_cifar10(argv[1]);
  const auto train = whole.take(1500);
  const auto test = held_out.take(400);

  torch::manual_seed(0);
  using Batches = Preset<Prefetch{.batch_size = 50}>;
  Trainer<ResNet, Batches, Preset<AdamW{.lr = 1e-3}>, OneCycle, Mixed> first(resnet18(10),
                                                                             {.epochs = 2});
  first.fit(train, test);
  save_weights(*first.model(), file);

  using FineTuned =
      Trainer<ResNet, Batches, OneCycle, Mixed,
              Grouped<Preset<AdamW{.lr = 5e-4}>, Group{.parameters = "fc.*", .rate = 4}>,
              Preset<Freeze{.parameters = "conv1.*|bn1.*|layer*", .epochs = 1}>>;
  auto net = resnet18(2);
  const auto report = load_weights(*net, file, {.skip = {"fc."}});
  std::cout << report.taken.size() << " tensors taken, " << report.left.size() << " left\n";
  FineTuned trainer(net, {.epochs = 2});
  for (const auto& epoch : trainer.fit(Animals{&train}, Animals{&test}).epochs) {
    std::cout << "epoch " << epoch.epoch << ": accuracy " << *epoch.test->accuracy() << '\n';
  }
}
