/// How many images a second does gradus decode from a folder of PNG files, normalise and stack?
/// Images of 32 x 32 in ten classes, generated in `--folder` unless it is there, in batches of 256.
#include "rounds.hpp"
#include <gradus/core/random.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/data/loader.hpp>
#include <gradus/data/sampling.hpp>
#include <gradus/images.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <png.h>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace gradus;

namespace {

constexpr std::int64_t side = 32;
constexpr std::int64_t images_at_once = 256;

/// Neighbours differ a little, as in a photograph, so that files have a size like theirs.
std::vector<std::uint8_t> pixels(std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint8_t> bytes(side * side * 3);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto before = i < 3 ? random.below(256) : std::uint64_t{bytes[i - 3]};
    bytes[i] = static_cast<std::uint8_t>(before + random.below(17) - 8);
  }
  return bytes;
}

void write_images(const std::filesystem::path& folder, std::int64_t images) {
  for (std::int64_t number = 0; number < images; ++number) {
    const auto place = folder / std::to_string(number % 10);
    std::filesystem::create_directories(place);
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = image.height = side;
    image.format = PNG_FORMAT_RGB;
    const auto bytes = pixels(static_cast<std::uint64_t>(number));
    const auto path = place / (std::to_string(number) + ".png");
    if (png_image_write_to_file(&image, path.c_str(), 0, bytes.data(), 0, nullptr) == 0) {
      throw std::runtime_error("cannot write " + path.string() + ": " + image.message);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  auto said = facts(arguments.number("--threads"));
  const std::filesystem::path folder = arguments.text("--folder");
  const auto images = arguments.number("--images");
  const auto workers = arguments.number("--workers");
  if (!std::filesystem::exists(folder)) write_images(folder, images);
  const data::ImageFolder set(
      folder, {.height = side, .width = side, .normalization = data::imagenet_normalization()});
  if (set.size() != images) throw std::runtime_error(folder.string() + " has other images");

  said["workers"] = workers;
  std::int64_t epoch = 0;
  serve(said, [&]() -> nlohmann::ordered_json {
    std::int64_t read = 0;
    const auto seconds = seconds_of([&] {
      const auto order = epoch_order(set.size(), 0, epoch++);
      const auto batches = (set.size() + images_at_once - 1) / images_at_once;
      data::Loader loader(
          {.workers = workers, .prefetch = 2 * workers}, batches, [&](std::int64_t number) {
            const auto first = static_cast<std::size_t>(number * images_at_once);
            const auto count = std::min<std::size_t>(images_at_once, order.size() - first);
            return set.batch(std::span<const std::int64_t>(order).subspan(first, count));
          });
      while (const auto batch = loader.next()) read += batch->size();
    });
    return {{"images", read}, {"seconds", seconds}};
  });
}
