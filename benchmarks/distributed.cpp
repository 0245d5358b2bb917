/// How many images a second do several processes train together? Each is started with the variables
/// of torchrun; the first one does a round for each line that it reads, the others with it.
#include "configurations.hpp"
#include "rounds.hpp"
#include <gradus/data/cifar10.hpp>
#include <gradus/distributed.hpp>
#include <gradus/train/run/ranks.hpp>

#include <torch/utils.h>

#include <cstdint>

using namespace gradus;

namespace {

template <class Run>
void train_together(const Arguments& arguments) {
  auto said = facts(arguments.number("--threads"));
  typename Run::policies_type policies;
  policies.template at<slot::loading>().batch_size = arguments.number("--batch-size");
  constexpr double kilobytes = 1024;
  policies.template at<slot::distribution>().bucket_megabytes =
      static_cast<double>(arguments.number("--bucket-kilobytes")) / kilobytes;
  const auto data =
      data::read_cifar10(arguments.text("--data")).train.take(arguments.number("--images"));
  torch::manual_seed(0);
  Run trainer(ResNet10(ResNet10Options{.width = arguments.number("--width")}),
              {.epochs = 1, .log_every_steps = 1 << 30}, policies);
  said["processes"] = trainer.share().size;
  const auto round = [&]() -> nlohmann::ordered_json {
    EpochRecord record;
    const auto seconds = seconds_of([&] { record = trainer.fit(data).epochs.back(); });
    return {{"images", record.samples}, {"seconds", seconds}};
  };
  static_cast<void>(round());  // warms up
  if (trainer.share().rank == 0) {
    serve(said, [&] {
      static_cast<void>(as_first_says(trainer.ranks(), true));  // another round
      return round();
    });
    static_cast<void>(as_first_says(trainer.ranks(), false));
  } else {
    while (as_first_says(trainer.ranks(), false)) round();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  if (arguments.number("--fast-convolutions") != 0) {
    train_together<with<cifar10::Optimized, FastConvolutions, DataParallel>>(arguments);
  } else {
    train_together<with<cifar10::Optimized, DataParallel>>(arguments);
  }
}
