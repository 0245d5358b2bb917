/// How many images a second does gradus's loader read, crop, flip, normalise and stack? Full
/// CIFAR-10 in memory, batches of 256, and the number of workers that is fastest here.
#include "rounds.hpp"
#include <gradus/data/cifar10.hpp>
#include <gradus/data/loader.hpp>
#include <gradus/policy/augmentation/crop_flip.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/policy/loss/cross_entropy.hpp>
#include <gradus/policy/task/supervised.hpp>
#include <gradus/train/data/training_batches.hpp>

#include <cstdint>

using namespace gradus;

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  auto said = facts(arguments.number("--threads"));
  const auto epochs = arguments.number("--epochs");
  const auto data = data::read_cifar10(arguments.text("--data")).train;
  auto plan = Prefetch{}.plan();
  const auto batches = (data.size() + plan.batch_size - 1) / plan.batch_size;

  const auto round = [&]() -> nlohmann::ordered_json {
    std::int64_t images = 0;
    const auto seconds = seconds_of([&] {
      for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
        data::Loader loader(
            plan, batches,
            TrainingFetch(data, CropFlip{}, BatchWeight(Supervised(), CrossEntropy()),
                          plan.batch_size, 0, epoch));
        while (const auto batch = loader.next()) images += batch->size();
      }
    });
    return {{"images", images}, {"seconds", seconds}};
  };

  double least = 0;
  std::int64_t best = 0;
  for (plan.workers = 0; plan.workers <= arguments.number("--most-workers"); ++plan.workers) {
    static_cast<void>(round());  // warms up
    const double seconds = round()["seconds"];
    if (plan.workers == 0 || seconds < least) {
      least = seconds;
      best = plan.workers;
    }
  }
  plan.workers = best;
  said["workers"] = best;
  serve(said, round);
}
