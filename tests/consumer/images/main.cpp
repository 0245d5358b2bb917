// An outside project with the component `images`: reads a folder of two PNG files that it wrote.
#include <gradus/images.hpp>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <png.h>
#include <vector>

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : "two_images";
  for (const std::uint8_t grey : {51, 204}) {
    const auto of_class = folder / (grey < 128 ? "dark" : "light");
    std::filesystem::create_directories(of_class);
    png_image image;
    std::memset(&image, 0, sizeof(image));
    image.version = PNG_IMAGE_VERSION;
    image.width = 3;
    image.height = 2;
    image.format = PNG_FORMAT_RGB;
    const std::vector<std::uint8_t> pixels(18, grey);
    if (png_image_write_to_file(&image, (of_class / "a.png").c_str(), 0, pixels.data(), 0,
                                nullptr) == 0) {
      std::cerr << "no PNG written: " << image.message << '\n';
      return 1;
    }
  }
  const gradus::data::ImageFolder images(folder, {.height = 2, .width = 3});
  const auto batch = images.batch(std::vector<std::int64_t>{1, 0});
  const auto* values = batch.input.const_data_ptr<float>();
  const auto* classes = batch.target.const_data_ptr<std::int64_t>();
  const bool right = batch.input.sizes() == at::IntArrayRef({2, 3, 2, 3}) && classes[0] == 1 &&
                     classes[1] == 0 && values[0] == 204.0F / 255.0F &&
                     values[35] == 51.0F / 255.0F;
  std::cout << (right ? "read two images of two classes\n" : "other images than those written\n");
  return right ? 0 : 1;
}
