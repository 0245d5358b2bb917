#include "support.hpp"
#include <gradus/data/image_dataset.hpp>

#include <limits>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

namespace {

const Normalization normalization{.mean = {0.4F, 0.5F, 0.6F}, .deviation = {0.2F, 0.25F, 0.3F}};

// 7 images of 5 rows and 6 columns, so that a mixed-up axis shows.
at::Tensor images() {
  auto tensor = at::empty({7, 3, 5, 6}, at::kByte);
  Random random(3);
  auto* pixels = tensor.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    pixels[i] = static_cast<std::uint8_t>(random.below(256));
  }
  return tensor;
}

ImageDataset dataset() { return {images(), at::arange(7, at::kLong), normalization}; }

// ToTensor and Normalize of torchvision, in its order of operations.
at::Tensor normalized(const at::Tensor& bytes) {
  const auto channels = [](const std::vector<float>& values) {
    return at::tensor(values).view({3, 1, 1});
  };
  return bytes.to(at::kFloat)
      .div(255)
      .sub(channels(normalization.mean))
      .div(channels(normalization.deviation));
}

// The same as ImageDataset, by its definition: one pixel at a time.
at::Tensor naive(const at::Tensor& image, const ImageTransform& transform) {
  auto moved = at::zeros_like(image);
  const auto inside = [&](std::int64_t at, std::int64_t size) {
    if (transform.padding_mode == PaddingMode::edge)
      return std::clamp<std::int64_t>(at, 0, size - 1);
    while (transform.padding_mode == PaddingMode::reflect && (at < 0 || at >= size)) {
      at = at < 0 ? -at : 2 * (size - 1) - at;
    }
    return at;
  };
  const auto height = image.size(1);
  const auto width = image.size(2);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const auto row = inside(y + transform.dy, height);
      const auto column = inside((transform.flip ? width - 1 - x : x) + transform.dx, width);
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      moved.select(1, y).select(1, x).copy_(image.select(1, row).select(1, column));
    }
  }
  return normalized(moved);
}

struct Squares {
  [[nodiscard]] std::int64_t size() const { return 100; }
  [[nodiscard]] Batch batch(std::span<const std::int64_t>) const { return {}; }
};

struct NotConst {
  [[nodiscard]] std::int64_t size() const { return 1; }
  [[nodiscard]] Batch batch(std::span<const std::int64_t>) { return {}; }
};

}  // namespace

static_assert(AugmentableDataset<ImageDataset>);
static_assert(Dataset<Squares> && !AugmentableDataset<Squares>);
static_assert(!Dataset<NotConst> && !Dataset<int>);

CATCH_TEST_CASE(
    "A batch holds the samples asked for, normalised as torchvision does to the last bit") {
  const auto data = dataset();
  const std::vector<std::int64_t> indices{6, 0, 3, 3};
  const auto batch = data.batch(indices);
  CATCH_CHECK(batch.size() == 4);
  CATCH_CHECK(batch.input.scalar_type() == at::kFloat);
  CATCH_CHECK(at::equal(batch.target, at::tensor(indices, at::kLong)));
  CATCH_CHECK(at::equal(batch.input, normalized(images().index_select(0, batch.target))));
  CATCH_CHECK(data.batch({}).size() == 0);
}

CATCH_TEST_CASE("Shift and mirror equal a pixel by pixel reference, beyond the image's edges too") {
  const auto data = dataset();
  const auto pixels = images();
  const std::vector<std::int64_t> indices{2, 5};
  for (const auto mode : {PaddingMode::constant, PaddingMode::edge, PaddingMode::reflect}) {
    for (std::int64_t shift = 0; shift < 13 * 15 * 2; ++shift) {
      const std::vector<ImageTransform> transforms{{.dy = shift / 30 - 6,
                                                    .dx = shift / 2 % 15 - 7,
                                                    .flip = shift % 2 == 1,
                                                    .padding_mode = mode},
                                                   {}};
      const auto batch = data.batch(indices, transforms);
      CATCH_REQUIRE(at::equal(batch.input[0], naive(pixels[2], transforms[0])));
      CATCH_REQUIRE(at::equal(batch.input[1], normalized(pixels[5])));
    }
  }
}

CATCH_TEST_CASE("A pixel from outside the image is black before normalisation") {
  const auto data = dataset();
  const std::vector<std::int64_t> indices{0};
  const std::vector<ImageTransform> far{{.dy = 100, .dx = 0}};
  const auto input = data.batch(indices, far).input;
  CATCH_CHECK(input[0][0][0][0].item<float>() == (0.0F - 0.4F) / 0.2F);
  CATCH_CHECK(at::equal(input[0][2], at::full({5, 6}, (0.0F - 0.6F) / 0.3F)));
}

CATCH_TEST_CASE(
    "A reflected row repeats no outermost pixel, and one pixel is its own mirror image") {
  const auto row = [](PaddingMode mode, std::int64_t size) {
    std::vector<std::int64_t> found;
    for (std::int64_t at = -3; at < 7; ++at) found.push_back(source_pixel(at, size, mode));
    return found;
  };
  // As numpy.pad([0, 1, 2, 3], 3, mode) has them.
  CATCH_CHECK(row(PaddingMode::reflect, 4) ==
              std::vector<std::int64_t>{3, 2, 1, 0, 1, 2, 3, 2, 1, 0});
  CATCH_CHECK(row(PaddingMode::edge, 4) == std::vector<std::int64_t>{0, 0, 0, 0, 1, 2, 3, 3, 3, 3});
  CATCH_CHECK(row(PaddingMode::reflect, 1) == std::vector<std::int64_t>(10, 0));
  CATCH_CHECK(row(PaddingMode::constant, 4) ==
              std::vector<std::int64_t>{-1, -1, -1, 0, 1, 2, 3, -1, -1, -1});
}

CATCH_TEST_CASE("The first n samples are a dataset that shares the pixels") {
  const auto data = dataset();
  const auto first = data.take(3);
  CATCH_CHECK(first.size() == 3);
  CATCH_CHECK(first.images().const_data_ptr() == data.images().const_data_ptr());
  const std::vector<std::int64_t> indices{2};
  CATCH_CHECK(at::equal(first.batch(indices).input, data.batch(indices).input));
  CATCH_CHECK_THAT(refusal([&] { (void)first.batch(std::vector<std::int64_t>{3}); }),
                   ContainsSubstring("Sample 3 was asked of a dataset of 3"));
  CATCH_CHECK_THAT(refusal([&] { (void)data.take(8); }), ContainsSubstring("first 8 samples of 7"));
  CATCH_CHECK_THAT(refusal([&] { (void)data.take(0); }), ContainsSubstring("from 1 to 7"));
}

CATCH_TEST_CASE("The fingerprint of images is of pixels, form, labels and normalisation") {
  const auto of = [](at::IntArrayRef sizes, std::int64_t label, const Normalization& form) {
    const auto pixels = torch::arange(24, at::kByte).view(sizes);
    return ImageDataset(pixels, torch::full({sizes[0]}, label, at::kLong), form).fingerprint();
  };
  const Normalization plain{.mean = {0}, .deviation = {1}};
  const auto sum = of({2, 1, 3, 4}, 0, plain);
  CATCH_CHECK(sum == of({2, 1, 3, 4}, 0, plain));
  CATCH_CHECK(sum != of({2, 1, 4, 3}, 0, plain));
  CATCH_CHECK(sum != of({2, 1, 3, 4}, 1, plain));
  CATCH_CHECK(sum != of({2, 1, 3, 4}, 0, {.mean = {0.5F}, .deviation = {1}}));
  CATCH_CHECK(sum != of({2, 1, 3, 4}, 0, {.mean = {0}, .deviation = {0.5F}}));
}

CATCH_TEST_CASE("An image dataset refuses what does not fit together") {
  const auto labels = at::arange(7, at::kLong);
  const auto make = [](at::Tensor pixels, at::Tensor targets,
                       Normalization channels = normalization) {
    return refusal([&] { ImageDataset(std::move(pixels), std::move(targets), channels); });
  };
  CATCH_CHECK_THAT(make(images().to(at::kFloat), labels), ContainsSubstring("uint8"));
  CATCH_CHECK_THAT(make(images()[0], labels), ContainsSubstring("[N, C, H, W]"));
  CATCH_CHECK_THAT(make(images().transpose(2, 3), labels), ContainsSubstring("contiguous"));
  CATCH_CHECK_THAT(make(images(), labels.to(at::kInt)), ContainsSubstring("int64"));
  CATCH_CHECK_THAT(make(images(), at::arange(6, at::kLong)), ContainsSubstring("7 images and 6"));
  CATCH_CHECK_THAT(make(images().narrow(0, 0, 0), at::empty({0}, at::kLong)),
                   ContainsSubstring("at least one"));

  auto channels = normalization;
  channels.deviation[1] = 0;
  CATCH_CHECK_THAT(make(images(), labels, channels),
                   ContainsSubstring("Channel 1") && ContainsSubstring("constant"));
  channels.deviation[1] = std::numeric_limits<float>::quiet_NaN();
  CATCH_CHECK_THAT(make(images(), labels, channels), ContainsSubstring("Channel 1"));
  channels.deviation.pop_back();
  CATCH_CHECK_THAT(make(images(), labels, channels), ContainsSubstring("2 deviations"));

  const auto data = dataset();
  const std::vector<std::int64_t> indices{0, 1};
  const std::vector<ImageTransform> transforms(1);
  CATCH_CHECK_THAT(refusal([&] { (void)data.batch(indices, transforms); }),
                   ContainsSubstring("2 samples came with 1 image transforms"));
  CATCH_CHECK_THAT(refusal([&] { (void)data.batch(std::vector<std::int64_t>{-1}); }),
                   ContainsSubstring("Sample -1"));
}
