/// How many images a second does a configuration train, and how much memory does it take? A round
/// is a `fit` of one epoch over the first images of CIFAR-10, with its loader's start and end.
#include "configurations.hpp"
#include "rounds.hpp"
#include <gradus/data/cifar10.hpp>
#include <gradus/device/keep_memory.hpp>
#include <gradus/error.hpp>

#include <torch/utils.h>

#include <cstdint>

using namespace gradus;

namespace {

template <class T>
void serve_training(const Arguments& arguments) {
  auto said = facts(arguments.number("--threads"));
  typename T::policies_type policies;
  if (const auto size = arguments.number("--batch-size"); size > 0) {
    policies.template at<slot::loading>().batch_size = size;
  }
  const auto data =
      data::read_cifar10(arguments.text("--data")).train.take(arguments.number("--images"));
  torch::manual_seed(0);
  T trainer(ResNet10(ResNet10Options{.width = arguments.number("--width")}),
            {.epochs = 1, .log_every_steps = 1 << 30}, policies);
  said["batch_size"] = trainer.plan(data.size()).batch_size;
  said["samples_per_step"] = trainer.plan(data.size()).batch_size * trainer.plan(1).accumulation;
  const auto round = [&]() -> nlohmann::ordered_json {
    EpochRecord record;
    const auto seconds = seconds_of([&] { record = trainer.fit(data).epochs.back(); });
    return {{"images", record.samples},
            {"seconds", seconds},
            {"waiting_seconds", record.waiting_seconds},
            {"peak_mebibytes", peak_mebibytes()}};
  };
  static_cast<void>(round());  // warms up
  serve(said, round);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  if (arguments.number("--keep-memory") != 0) keep_memory();
  const auto& name = arguments.text("--configuration");
  if (name == "unoptimized") {
    serve_training<cifar10::Unoptimized>(arguments);
  } else if (name == "optimized") {
    serve_training<cifar10::Optimized>(arguments);
  } else if (name == "fastest") {
    serve_training<cifar10::Fastest>(arguments);
  } else if (name == "fastest at full resolution") {
    serve_training<without<cifar10::Fastest, slot::resolution>>(arguments);
  } else if (name == "fastest at full resolution, LibTorch's kernels") {
    using OfLibrary = without<cifar10::Fastest, slot::kernels>;
    serve_training<without<OfLibrary, slot::resolution>>(arguments);
  } else if (name == "optimized with fast convolutions") {
    serve_training<with<cifar10::Optimized, FastConvolutions>>(arguments);
  } else {
    throw UsageError("there is no configuration '" + name + "' here; see training.cpp.");
  }
}
