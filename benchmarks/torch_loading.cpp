/// How many images a second does LibTorch's own DataLoader read, crop, flip, normalise and stack?
/// The same work as loading.cpp, written as its documentation shows: a dataset and transforms.
#include "rounds.hpp"
#include <gradus/data/cifar10.hpp>

#include <torch/data.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace {

using Sample = torch::data::Example<>;

class Images : public torch::data::datasets::Dataset<Images> {
 public:
  explicit Images(const gradus::data::ImageDataset& images) : images_(images) {}
  Sample get(std::size_t index) override {
    const auto i = static_cast<std::int64_t>(index);
    return {images_.images()[i].to(at::kFloat).div_(255), images_.labels()[i]};
  }
  [[nodiscard]] std::optional<std::size_t> size() const override {
    return static_cast<std::size_t>(images_.size());
  }

 private:
  gradus::data::ImageDataset images_;
};

/// A crop of the image with 4 black pixels on each side, mirrored half of the time.
Sample crop_and_flip(Sample sample) {
  constexpr std::int64_t padding = 4;
  constexpr std::int64_t side = 32;
  thread_local std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<std::int64_t> shift(0, 2 * padding);
  auto image = at::constant_pad_nd(sample.data, {padding, padding, padding, padding})
                   .narrow(1, shift(random), side)
                   .narrow(2, shift(random), side);
  if (random() % 2 == 1) image = image.flip({2});
  return {image, sample.target};
}

}  // namespace

int main(int argc, char** argv) {
  using namespace torch::data;
  const Arguments arguments(argc, argv);
  auto said = facts(arguments.number("--threads"));
  const auto epochs = arguments.number("--epochs");
  const auto data = gradus::data::read_cifar10(arguments.text("--data")).train;
  const auto normalization = gradus::data::cifar10_normalization();
  const std::vector<double> mean(normalization.mean.begin(), normalization.mean.end());
  const std::vector<double> deviation(normalization.deviation.begin(),
                                      normalization.deviation.end());

  const auto loader_with = [&](std::int64_t workers) {
    return make_data_loader<samplers::RandomSampler>(
        Images(data)
            .map(transforms::Lambda<Sample>(crop_and_flip))
            .map(transforms::Normalize<>(mean, deviation))
            .map(transforms::Stack<>()),
        DataLoaderOptions().batch_size(256).workers(static_cast<std::size_t>(workers)));
  };
  const auto round_of = [&](auto& loader) -> nlohmann::ordered_json {
    std::int64_t images = 0;
    const auto seconds = seconds_of([&] {
      for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
        for (const auto& batch : *loader) images += batch.target.size(0);
      }
    });
    return {{"images", images}, {"seconds", seconds}};
  };

  double least = 0;
  std::int64_t best = 0;
  for (std::int64_t workers = 0; workers <= arguments.number("--most-workers"); ++workers) {
    auto loader = loader_with(workers);
    const double seconds = round_of(loader)["seconds"];
    if (workers == 0 || seconds < least) {
      least = seconds;
      best = workers;
    }
  }
  said["workers"] = best;
  auto loader = loader_with(best);
  serve(said, [&] { return round_of(loader); });
}
