/// How much of the processor's rate of matrix products does a training step of `Fastest` reach? A
/// round multiplies square matrices of the step's number type, then trains on one batch that lies
/// in memory, again and again.
#include "configurations.hpp"
#include "rounds.hpp"
#include <gradus/core/image_transform.hpp>
#include <gradus/device/keep_memory.hpp>
#include <gradus/policy/loading/plain.hpp>

#include <ATen/ops/mm.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <torch/utils.h>

#include <cstdint>
#include <span>

using namespace gradus;

namespace {

constexpr std::int64_t batch_size = 256;
constexpr std::int64_t side = 2048;              // of the matrices
constexpr std::int64_t products = 16;            // a round
constexpr double step_flop_per_image = 1.517e9;  // 758.5 M multiply-adds, width 64, 32 x 32 pixels

using Step =
    with<without<cifar10::Fastest, slot::resolution>, Preset<Plain{.batch_size = batch_size}>>;

/// A dataset that costs nothing to read.
struct OneBatch {
  std::int64_t batches;
  Batch made{at::randn({batch_size, 3, 32, 32}), at::randint(10, {batch_size}, at::kLong)};

  [[nodiscard]] std::int64_t size() const { return batches * batch_size; }
  [[nodiscard]] Batch batch(std::span<const std::int64_t>) const { return made; }
  [[nodiscard]] Batch batch(std::span<const std::int64_t>, std::span<const ImageTransform>) const {
    return made;
  }
};

double product_flop_per_second(const at::Tensor& left, const at::Tensor& right) {
  const auto seconds = seconds_of([&] {
    at::Tensor result;
    for (std::int64_t i = 0; i < products; ++i) result = at::mm(left, right);
    static_cast<void>(result[0][0].item<double>());  // waits for the device
  });
  return static_cast<double>(products * 2 * side * side * side) / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory();
  const Arguments arguments(argc, argv);
  auto said = facts(arguments.number("--threads"));
  const OneBatch data{arguments.number("--batches")};
  torch::manual_seed(0);
  Step trainer(ResNet10(), {.epochs = 1, .log_every_steps = 1 << 30});
  const auto device = trainer.run().device;
  const auto type = trainer.policies().at<slot::precision>().choose(device).type;
  const auto left = at::randn({side, side}).to(device, type);
  const auto right = at::randn({side, side}).to(device, type);
  said["type"] = c10::toString(type);

  const auto round = [&]() -> nlohmann::ordered_json {
    const auto product_rate = product_flop_per_second(left, right);
    const auto seconds = seconds_of([&] { trainer.fit(data); });
    const auto rate = static_cast<double>(data.size()) * step_flop_per_image / seconds;
    return {{"images", data.size()},
            {"seconds", seconds},
            {"product_flop_per_second", product_rate},
            {"fraction", rate / product_rate}};
  };
  static_cast<void>(round());  // warms up
  serve(said, round);
}
