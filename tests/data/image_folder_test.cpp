// PNG and JPEG files, and folders of them.
#include "image_writing.hpp"
#include "support.hpp"
#include <gradus/data/loader.hpp>
#include <gradus/images.hpp>

#include <algorithm>
#include <cmath>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

namespace {

using Indices = std::vector<std::int64_t>;

Rows noise(std::size_t bytes, std::uint64_t seed) {
  Random random(seed);
  Rows rows(bytes);
  for (auto& byte : rows) byte = static_cast<std::uint8_t>(random.below(256));
  return rows;
}

/// `pixel`, `count` times.
Rows constant(const Rows& pixel, std::size_t count) {
  Rows rows;
  for (std::size_t i = 0; i < count; ++i) rows.insert(rows.end(), pixel.begin(), pixel.end());
  return rows;
}

Bytes bytes_of(const std::filesystem::path& path) {
  const auto text = gradus::test::text_of(path);
  return {text.begin(), text.end()};
}

std::string decode_refusal(const Bytes& bytes) {
  return refusal([&] { (void)decode_image("the image", bytes); });
}

/// Two classes of 4 x 6 pixels: cat of three images, one of them a level deeper, and dog of one.
void write_folder(const Folder& folder) {
  std::filesystem::create_directories(folder / "dog");
  std::filesystem::create_directories(folder / "cat/inner");
  write_png(folder / "dog/d.PNG", PNG_COLOR_TYPE_RGB, 8, 4, 6, noise(72, 1));
  write_png(folder / "cat/inner/0.png", PNG_COLOR_TYPE_RGB, 8, 4, 6, noise(72, 2));
  write_png(folder / "cat/b.png", PNG_COLOR_TYPE_RGB, 8, 4, 6, noise(72, 3));
  write_jpeg(folder / "cat/a.jpeg", 3, 4, 6, constant({200, 100, 50}, 24));
}

const ImageFolderForm small{.height = 4, .width = 6};

at::Tensor as_tensor(const ImagePixels& image) {
  return torch::tensor(at::ArrayRef(image.bytes), at::kByte)
      .view({image.height, image.width, image.channels});
}

}  // namespace

CATCH_TEST_CASE("PNGs of every kind become 8 bits of red, green and blue") {
  const Folder folder;
  const auto read = [&](int kind, int bits, const Rows& rows, unsigned width = 4) {
    write_png(folder / "a.png", kind, bits, 1, width, rows);
    const auto image = read_image(folder / "a.png");
    CATCH_CHECK((image.height == 1 && image.width == width && image.channels == 3));
    return image.bytes;
  };
  CATCH_CHECK(read(PNG_COLOR_TYPE_RGB, 8, {1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252}) ==
              Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252});
  CATCH_CHECK(read(PNG_COLOR_TYPE_GRAY, 8, {0, 1, 128, 255}) ==
              Bytes{0, 0, 0, 1, 1, 1, 128, 128, 128, 255, 255, 255});
  CATCH_CHECK(read(PNG_COLOR_TYPE_GRAY, 1, {0b01010000}) ==
              Bytes{0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255});
  CATCH_CHECK(read(PNG_COLOR_TYPE_RGBA, 8, {9, 8, 7, 0, 6, 5, 4, 128, 3, 2, 1, 255, 7, 7, 7, 1}) ==
              Bytes{9, 8, 7, 6, 5, 4, 3, 2, 1, 7, 7, 7});
  CATCH_CHECK(read(PNG_COLOR_TYPE_GRAY_ALPHA, 8, {9, 0, 8, 255}, 2) == Bytes{9, 9, 9, 8, 8, 8});
  CATCH_CHECK(read(PNG_COLOR_TYPE_PALETTE, 8, {0, 1, 2, 0}) ==
              Bytes{250, 1, 2, 3, 240, 4, 5, 6, 230, 250, 1, 2});
  // 16 bits: 257 v is v.
  CATCH_CHECK(read(PNG_COLOR_TYPE_GRAY, 16, {0, 0, 7, 7, 128, 128, 255, 255}) ==
              Bytes{0, 0, 0, 7, 7, 7, 128, 128, 128, 255, 255, 255});
  CATCH_CHECK(read(PNG_COLOR_TYPE_RGB, 16, {1, 1, 100, 100, 200, 200}, 1) == Bytes{1, 100, 200});
}

CATCH_TEST_CASE("The gamma of a PNG changes no pixel, as in Pillow and torchvision") {
  const Folder folder;
  const Rows sixteen{64, 64, 128, 128, 200, 200};
  for (const double gamma : {1 / 1.8, 1 / 2.2, 0.5, 1.0}) {
    write_png(folder / "a.png", PNG_COLOR_TYPE_RGB, 8, 1, 1, {64, 128, 200}, gamma);
    CATCH_CHECK(read_image(folder / "a.png").bytes == Bytes{64, 128, 200});
    write_png(folder / "a.png", PNG_COLOR_TYPE_RGBA, 8, 1, 1, {64, 128, 200, 9}, gamma);
    CATCH_CHECK(read_image(folder / "a.png").bytes == Bytes{64, 128, 200});
    write_png(folder / "a.png", PNG_COLOR_TYPE_GRAY, 8, 1, 2, {64, 200}, gamma);
    CATCH_CHECK(read_image(folder / "a.png").bytes == Bytes{64, 64, 64, 200, 200, 200});
    write_png(folder / "a.png", PNG_COLOR_TYPE_PALETTE, 8, 1, 2, {0, 1}, gamma);
    CATCH_CHECK(read_image(folder / "a.png").bytes == Bytes{250, 1, 2, 3, 240, 4});
    write_png(folder / "a.png", PNG_COLOR_TYPE_RGB, 16, 1, 1, sixteen, gamma);
    CATCH_CHECK(read_image(folder / "a.png").bytes == Bytes{64, 128, 200});
  }
}

CATCH_TEST_CASE("JPEGs of every kind become red, green and blue") {
  const Folder folder;
  const auto reads = [&](int channels, const Rows& pixel, const Bytes& expected, bool adobe) {
    write_jpeg(folder / "a.jpg", channels, 9, 17, constant(pixel, 9 * 17), adobe);
    const auto image = read_image(folder / "a.jpg");
    CATCH_CHECK((image.height == 9 && image.width == 17 && image.channels == 3));
    for (std::size_t i = 0; i < image.bytes.size(); ++i) {
      CATCH_REQUIRE(std::abs(int{image.bytes[i]} - int{expected[i % 3]}) <= 2);  // at quality 100
    }
  };
  reads(3, {200, 100, 50}, {200, 100, 50}, true);
  reads(1, {77}, {77, 77, 77}, true);
  reads(4, {200, 100, 50, 255}, {200, 100, 50}, true);  // what is left of the paper
  reads(4, {55, 155, 205, 0}, {200, 100, 50}, false);   // ink
  reads(4, {255, 255, 255, 128}, {128, 128, 128}, true);
}

CATCH_TEST_CASE("One channel is grey, weighted as Pillow does") {
  const Folder folder;
  write_png(folder / "a.png", PNG_COLOR_TYPE_RGB, 8, 1, 4,
            {255, 0, 0, 0, 255, 0, 0, 0, 255, 99, 99, 99});
  CATCH_CHECK(read_image(folder / "a.png", 1).bytes == Bytes{76, 150, 29, 99});
  CATCH_CHECK_THAT(refusal([&] { (void)read_image(folder / "a.png", 2); }),
                   ContainsSubstring("with 2 channels"));
}

CATCH_TEST_CASE("A PNG that is cut short or has a wrong bit is refused") {
  const Folder folder;
  write_png(folder / "a.png", PNG_COLOR_TYPE_RGB, 8, 8, 8, noise(192, 4));
  const auto whole = bytes_of(folder / "a.png");
  // The last 16 bytes are a checksum and an empty chunk: all pixels are there before.
  for (std::size_t size = 0; size < whole.size() - 16; ++size) {
    CATCH_CHECK_FALSE(
        decode_refusal({whole.begin(), whole.begin() + static_cast<int>(size)}).empty());
  }
  CATCH_CHECK_THAT(decode_refusal({whole.begin(), whole.begin() + 100}),
                   ContainsSubstring("the image is a broken PNG file ("));
  auto wrong = whole;
  wrong[whole.size() / 2] ^= 1U;
  CATCH_CHECK_THAT(decode_refusal(wrong), ContainsSubstring("is a broken PNG file"));
}

CATCH_TEST_CASE("A JPEG that is cut short is refused") {
  const Folder folder;
  write_jpeg(folder / "a.jpg", 3, 16, 16, noise(768, 5));
  const auto whole = bytes_of(folder / "a.jpg");
  CATCH_CHECK(decode_image("the image", whole).bytes.size() == 768);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CATCH_CHECK_FALSE(
        decode_refusal({whole.begin(), whole.begin() + static_cast<int>(size)}).empty());
  }
  CATCH_CHECK_THAT(decode_refusal({whole.begin(), whole.end() - 100}),
                   ContainsSubstring("the image is a broken JPEG file (Premature end"));
}

CATCH_TEST_CASE("What is no image, or a gigantic one, is refused") {
  CATCH_CHECK_THAT(decode_refusal({}), ContainsSubstring("the file is empty"));
  CATCH_CHECK_THAT(decode_refusal({'G', 'I', 'F', '8', '9', 'a'}),
                   ContainsSubstring("is neither PNG nor JPEG by its first bytes"));
  const Folder folder;
  write_png(folder / "a.png", PNG_COLOR_TYPE_GRAY, 8, 1, 1, {0});
  auto bytes = bytes_of(folder / "a.png");
  for (const std::size_t at : {16U, 20U}) {  // the width, then the height
    bytes[at + 2] = 60'000 >> 8;
    bytes[at + 3] = 60'000 & 255;
  }
  std::uint32_t sum = ~0U;  // the header's checksum, as the specification of PNG defines it
  for (std::size_t i = 12; i < 29; ++i) {
    sum ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1U) ^ ((sum & 1U) != 0 ? 0xedb88320U : 0U);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[29 + i] = static_cast<std::uint8_t>(~sum >> (24 - 8 * i));
  }
  CATCH_CHECK_THAT(decode_refusal(bytes), ContainsSubstring("an image of 60000 x 60000 pixels"));
}

CATCH_TEST_CASE("Images are scaled as LibTorch scales them with antialias, to a byte") {
  for (const auto& [height, width] : {std::pair{7, 5}, {20, 31}, {13, 40}, {13, 17}, {1, 1}}) {
    const ImagePixels image{13, 17, 3, noise(13 * 17 * 3, 6)};
    const auto scaled = resized(image, height, width);
    const auto expected = at::_upsample_bilinear2d_aa(
        as_tensor(image).permute({2, 0, 1}).unsqueeze(0).to(at::kFloat), {height, width},
        /*align_corners=*/false);
    const auto off = as_tensor(scaled).permute({2, 0, 1}).to(at::kFloat) - expected[0];
    CATCH_CHECK(off.abs().max().item<float>() < 0.501F);  // of a byte: it is rounded
  }
}

CATCH_TEST_CASE("The middle of an image is cut in the form that is asked for") {
  ImagePixels image{2, 6, 1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
  CATCH_CHECK(cropped(image, 10, 10).bytes == Bytes{2, 3, 8, 9});
  CATCH_CHECK(cropped(image, 1, 6).bytes == Bytes{0, 1, 2, 3, 4, 5});
  CATCH_CHECK(cropped(image, 1, 3).bytes == image.bytes);
}

CATCH_TEST_CASE("A folder is a dataset, in torchvision's order") {
  const Folder folder;
  write_folder(folder);
  write(folder / "readme.txt", std::string("beside the classes"));
  write(folder / "cat/.hidden", std::string("x"));
  std::filesystem::create_directories(folder / ".git");
  const ImageFolder set(folder.path(), small);
  CATCH_CHECK(set.files().classes == std::vector<std::string>{"cat", "dog"});
  CATCH_CHECK(set.files().labels == Indices{0, 0, 0, 1});
  CATCH_CHECK(set.files().paths ==
              std::vector<std::filesystem::path>{folder / "cat/a.jpeg", folder / "cat/b.png",
                                                 folder / "cat/inner/0.png", folder / "dog/d.PNG"});
  const auto batch = set.batch(Indices{3, 1});
  CATCH_CHECK(batch.target.equal(torch::tensor({1, 0})));
  CATCH_CHECK(batch.input.sizes() == at::IntArrayRef({2, 3, 4, 6}));
  const auto dog = torch::tensor(at::ArrayRef(noise(72, 1)), at::kByte).view({4, 6, 3});
  CATCH_CHECK(batch.input[0].equal(dog.permute({2, 0, 1}).to(at::kFloat) / 255));
  CATCH_CHECK(set.batch({}).input.sizes() == at::IntArrayRef({0, 3, 4, 6}));
}

CATCH_TEST_CASE("A held-out folder that lacks a class has the labels of the training set") {
  const Folder folder;
  write_folder(folder);
  std::filesystem::create_directories(folder / "ant");
  write_png(folder / "ant/a.png", PNG_COLOR_TYPE_RGB, 8, 4, 6, noise(72, 8));
  const ImageFolder train(folder.path(), small);
  const auto& classes = train.files().classes;
  CATCH_CHECK(classes == std::vector<std::string>{"ant", "cat", "dog"});
  const Folder other;
  write_folder(other);
  std::filesystem::remove_all(other / "cat");
  auto form = small;
  form.classes = classes;
  const ImageFolder held_out(other.path(), form);
  CATCH_CHECK(held_out.files().classes == classes);
  CATCH_CHECK(held_out.files().labels == Indices{2});
  CATCH_CHECK(held_out.batch(Indices{0}).target.equal(torch::tensor({2})));
  CATCH_CHECK(held_out.fingerprint() != ImageFolder(other.path(), small).fingerprint());
  form.classes = {"cat", "dog"};
  CATCH_CHECK_THAT(
      refusal([&] { const ImageFolder set(folder.path(), form); }),
      ContainsSubstring((folder / "ant").string() +
                        " is none of the classes that were given; did you mean 'cat'?"));
}

CATCH_TEST_CASE("A folder gives the batches of an image dataset, normalised and transformed") {
  const Folder folder;
  write_folder(folder);
  for (const std::int64_t channels : {1, 3}) {
    auto form = small;
    form.channels = channels;
    if (channels == 3) form.normalization = imagenet_normalization();
    const ImageFolder set(folder.path(), form);
    const auto memory = set.in_memory();
    CATCH_CHECK(memory.images().size(1) == channels);
    const Indices indices{2, 0, 3, 2};
    CATCH_CHECK(set.batch(indices).input.equal(memory.batch(indices).input));
    std::vector<ImageTransform> transforms(4);
    transforms[1] = {.dy = 1, .dx = -2, .flip = true};
    CATCH_CHECK(
        set.batch(indices, transforms).input.equal(memory.batch(indices, transforms).input));
    CATCH_CHECK_FALSE(set.batch(indices, transforms).input.equal(memory.batch(indices).input));
  }
}

CATCH_TEST_CASE("Workers of a loader decode a folder in order") {
  const Folder folder;
  write_folder(folder);
  const ImageFolder set(folder.path(), small);
  const auto expected = set.batch(Indices{0, 1, 2, 3});
  Loader loader({.workers = 3, .prefetch = 4}, 40,
                [&](std::int64_t number) { return set.batch(Indices{number % 4}); });
  std::int64_t number = 0;
  for (auto batch = loader.next(); batch; batch = loader.next(), ++number) {
    CATCH_REQUIRE(batch->input[0].equal(expected.input[number % 4]));
    CATCH_REQUIRE(batch->target[0].equal(expected.target[number % 4]));
  }
  CATCH_CHECK(number == 40);
}

CATCH_TEST_CASE("The fingerprint of a folder is of its names, sizes and form") {
  const Folder a;
  const Folder b;
  write_folder(a);
  write_folder(b);
  const auto sum = ImageFolder(a.path(), small).fingerprint();
  CATCH_CHECK(sum == ImageFolder(b.path(), small).fingerprint());
  CATCH_CHECK(sum == ImageFolder(a.path() / "", small).fingerprint());
  CATCH_CHECK(sum != ImageFolder(a.path(), {.height = 6, .width = 4}).fingerprint());
  const auto with = [&](const Normalization& normalization) {
    return ImageFolder(a.path(), {.height = 4, .width = 6, .normalization = normalization})
        .fingerprint();
  };
  CATCH_CHECK(sum == with({.mean = {0, 0, 0}, .deviation = {1, 1, 1}}));
  CATCH_CHECK(sum != with({.mean = {0, 0, 0.5F}, .deviation = {1, 1, 1}}));
  CATCH_CHECK(sum != with({.mean = {0, 0, 0}, .deviation = {1, 1, 2}}));
  CATCH_CHECK(
      sum != ImageFolder(a.path(), {.height = 4, .width = 6, .fit = ImageFit::crop}).fingerprint());
  std::filesystem::rename(b / "dog/d.PNG", b / "dog/e.PNG");
  CATCH_CHECK(sum != ImageFolder(b.path(), small).fingerprint());
  std::filesystem::rename(b / "dog/e.PNG", b / "dog/d.PNG");
  write_png(b / "dog/d.PNG", PNG_COLOR_TYPE_RGB, 8, 4, 6, constant({1, 2, 3}, 24));
  CATCH_CHECK(sum != ImageFolder(b.path(), small).fingerprint());
}

CATCH_TEST_CASE("An image of another size is refused by its name, or made to fit") {
  const Folder folder;
  write_folder(folder);
  write_png(folder / "cat/b.png", PNG_COLOR_TYPE_RGB, 8, 8, 6, noise(144, 7));
  CATCH_CHECK_THAT(refusal([&] { (void)ImageFolder(folder.path(), small).batch(Indices{1}); }),
                   ContainsSubstring((folder / "cat/b.png").string() +
                                     " has 8 rows of 6 pixels; expected 4 x 6: scale the image"));
  const ImagePixels image{8, 6, 3, noise(144, 7)};
  auto form = small;
  form.fit = ImageFit::stretch;
  const auto read = [&] { return ImageFolder(folder.path(), form).in_memory().images()[1]; };
  CATCH_CHECK(read().equal(as_tensor(resized(image, 4, 6)).permute({2, 0, 1})));
  form.fit = ImageFit::crop;  // six columns in the form of 4 x 6 have four rows
  CATCH_CHECK(read().equal(as_tensor(image).slice(0, 2, 6).permute({2, 0, 1})));
}

CATCH_TEST_CASE("Folders that are none of images are refused") {
  const Folder folder;
  const auto listed = [&](const std::filesystem::path& path) {
    return refusal([&] { const ImageFolder set(path, small); });
  };
  CATCH_CHECK_THAT(listed(folder / "none"), ContainsSubstring((folder / "none").string() +
                                                              " cannot be listed (No such file"));
  CATCH_CHECK_THAT(listed(folder.path()), ContainsSubstring("has no sub-folders"));
  write_folder(folder);
  CATCH_CHECK_THAT(listed(folder / "dog/d.PNG"), ContainsSubstring("cannot be listed"));
  std::filesystem::create_directories(folder / "empty");
  CATCH_CHECK_THAT(listed(folder.path()),
                   ContainsSubstring((folder / "empty").string() + " has no images"));
  write(folder / "empty/a.webp", std::string("x"));
  CATCH_CHECK_THAT(listed(folder.path()), ContainsSubstring("a.webp has the extension '.webp'"));
  std::filesystem::remove(folder / "empty/a.webp");
  std::filesystem::create_directory_symlink("..", folder / "empty/loop");
  CATCH_CHECK_FALSE(listed(folder.path()).empty());
  for (const ImageFolderForm& form : {ImageFolderForm{},
                                      {.height = 4, .width = -1},
                                      {.height = 4, .width = 6, .channels = 2},
                                      {.height = 1 << 20, .width = 1 << 20}}) {
    CATCH_CHECK_THAT(refusal([&] { const ImageFolder set(folder.path(), form); }),
                     ContainsSubstring("expected a height, a width, and 1 or 3 channels"));
  }
  auto form = small;
  form.normalization = {.mean = {0, 0}, .deviation = {1, 1}};
  CATCH_CHECK_THAT(refusal([&] { const ImageFolder set(folder.path(), form); }),
                   ContainsSubstring("2 means and 2 deviations for images of 3 channels"));
}

CATCH_TEST_CASE("Files of a folder that are broken, or gone, are refused by their names") {
  const Folder folder;
  write_folder(folder);
  const ImageFolder set(folder.path(), small);
  std::filesystem::resize_file(folder / "cat/a.jpeg", 200);
  write(folder / "cat/b.png", std::string("text"));
  std::filesystem::remove(folder / "dog/d.PNG");
  const auto of = [&](std::int64_t index) {
    return refusal([&] { (void)set.batch(Indices{index}); });
  };
  CATCH_CHECK_THAT(of(0), ContainsSubstring("cat/a.jpeg is a broken JPEG file"));
  CATCH_CHECK_THAT(of(1), ContainsSubstring("cat/b.png is neither PNG nor JPEG"));
  CATCH_CHECK_THAT(of(3), ContainsSubstring("dog/d.PNG does not exist"));
  for (const std::int64_t index : {-1, 4}) {
    CATCH_CHECK_THAT(of(index), ContainsSubstring("the folder has 4; expected an index from 0"));
  }
  Loader loader({.workers = 2, .prefetch = 2}, 4,
                [&](std::int64_t number) { return set.batch(Indices{number}); });
  CATCH_CHECK_THAT(refusal([&] {
                     while (loader.next()) continue;
                   }),
                   ContainsSubstring("cat/a.jpeg is a broken JPEG file"));
}
