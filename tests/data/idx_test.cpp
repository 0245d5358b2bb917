// idx files, and MNIST's four.
#include "support.hpp"
#include <gradus/data/idx.hpp>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

namespace {

/// A header of big-endian sizes, then `values`.
Bytes idx(std::uint8_t type, const std::vector<std::uint32_t>& sizes, const Bytes& values) {
  Bytes bytes{0, 0, type, static_cast<std::uint8_t>(sizes.size())};
  for (const auto size : sizes) {
    for (const int shift : {24, 16, 8, 0}) {
      bytes.push_back(static_cast<std::uint8_t>(size >> shift));
    }
  }
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

at::Tensor read(const Bytes& bytes) {
  const Folder folder;
  write(folder / "file", bytes);
  return read_idx(folder / "file");
}

std::string idx_refusal(const Bytes& bytes) {
  return refusal([&] { (void)read(bytes); });
}

Bytes pixels(std::uint32_t images, std::uint8_t first) {
  Bytes values(std::size_t{images} * 28 * 28);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(first + i);
  return values;
}

void write_mnist(const Folder& folder) {
  write(folder / mnist_files[0], idx(8, {3, 28, 28}, pixels(3, 0)));
  write(folder / mnist_files[1], idx(8, {3}, {9, 0, 5}));
  write(folder / mnist_files[2], idx(8, {2, 28, 28}, pixels(2, 1)));
  write(folder / mnist_files[3], idx(8, {2}, {1, 2}));
}

}  // namespace

CATCH_TEST_CASE("Each type of value is read, from big-endian bytes") {
  CATCH_CHECK(read(idx(0x08, {2, 2}, {0, 1, 128, 255}))
                  .equal(torch::tensor({{0, 1}, {128, 255}}, at::kByte)));
  CATCH_CHECK(read(idx(0x09, {2}, {127, 128})).equal(torch::tensor({127, -128}, at::kChar)));
  CATCH_CHECK(read(idx(0x0b, {1, 2}, {0x01, 0x02, 0xff, 0xfe}))
                  .equal(torch::tensor({{0x0102, -2}}, at::kShort)));
  CATCH_CHECK(read(idx(0x0c, {1, 1, 1, 1}, {0x01, 0x02, 0x03, 0x04}))
                  .equal(torch::full({1, 1, 1, 1}, 0x01020304, at::kInt)));
  CATCH_CHECK(read(idx(0x0d, {1}, {0xbf, 0xc0, 0, 0})).equal(torch::tensor({-1.5F})));
  CATCH_CHECK(read(idx(0x0e, {1}, {0x40, 0x04, 0, 0, 0, 0, 0, 0}))
                  .equal(torch::tensor({2.5}, at::kDouble)));
}

CATCH_TEST_CASE("What is no idx file is refused") {
  const auto whole = idx(8, {2, 3}, Bytes(6));
  for (std::size_t size = 0; size < whole.size(); ++size) {  // every truncation
    CATCH_CHECK_FALSE(idx_refusal({whole.begin(), whole.begin() + static_cast<int>(size)}).empty());
  }
  CATCH_CHECK_THAT(idx_refusal(Bytes()), ContainsSubstring("has 0 bytes"));
  CATCH_CHECK_THAT(idx_refusal({0, 0, 8, 2, 0, 0, 0, 2, 0}),
                   ContainsSubstring("ends within its header, after 9 bytes; expected one of 12"));
  CATCH_CHECK_THAT(idx_refusal(idx(8, {2, 3}, Bytes(5))),
                   ContainsSubstring("has 5 bytes of values; expected more, by its header"));
  CATCH_CHECK_THAT(idx_refusal(idx(8, {2, 3}, Bytes(7))),
                   ContainsSubstring("has 7 bytes of values; expected 6, by its header"));
  CATCH_CHECK_THAT(idx_refusal({0x1f, 0x8b, 8, 0, 0, 0, 0, 0}), ContainsSubstring("gunzip"));
  CATCH_CHECK_THAT(idx_refusal({0, 1, 8, 1, 0, 0, 0, 1, 7}), ContainsSubstring("two zero bytes"));
  for (const auto type : Bytes{0, 7, 10, 15, 255}) {
    CATCH_CHECK_THAT(idx_refusal(idx(type, {1}, Bytes(1))),
                     ContainsSubstring("values of type " + std::to_string(type)));
  }
  CATCH_CHECK_THAT(idx_refusal(idx(8, {}, Bytes(1))), ContainsSubstring("has 0 dimensions"));
  CATCH_CHECK_THAT(idx_refusal(idx(8, {1, 1, 1, 1, 1}, Bytes(1))),
                   ContainsSubstring("has 5 dimensions"));
  CATCH_CHECK_THAT(idx_refusal(idx(8, {0}, {})), ContainsSubstring("size 0"));
  // 2^32 * 2^32 values of 8 bytes are no bytes, modulo 2^64.
  CATCH_CHECK_THAT(idx_refusal(idx(14, {0x80000000U, 0x80000000U, 4}, Bytes(8))),
                   ContainsSubstring("has 8 bytes of values; expected more"));
  CATCH_CHECK_THAT(refusal([] { (void)read_idx("/none/file"); }),
                   ContainsSubstring("does not exist"));
}

CATCH_TEST_CASE("MNIST's four files are two datasets") {
  const Folder folder;
  write_mnist(folder);
  const auto [train, test] = read_mnist(folder.path());
  CATCH_CHECK(train.images().sizes() == at::IntArrayRef({3, 1, 28, 28}));
  CATCH_CHECK(train.labels().equal(torch::tensor({9, 0, 5})));
  CATCH_CHECK(test.labels().equal(torch::tensor({1, 2})));
  CATCH_CHECK(test.images()[1][0][0][3].item<int>() == (1 + 784 + 3) % 256);
  const auto value = test.batch(std::vector<std::int64_t>{1}).input[0][0][0][3].item<float>();
  CATCH_CHECK(value == (20.0F / 255.0F - 0.1307F) / 0.3081F);
  const auto other = read_mnist(folder.path(), {.mean = {0.F}, .deviation = {1.F}}).test;
  CATCH_CHECK(other.batch(std::vector<std::int64_t>{1}).input[0][0][0][3].item<float>() ==
              20.0F / 255.0F);
  CATCH_CHECK(test.fingerprint() == read_mnist(folder.path()).test.fingerprint());
  CATCH_CHECK(test.fingerprint() != other.fingerprint());
}

CATCH_TEST_CASE("MNIST's normalization is that of its training set, as PyTorch's example has it") {
  // pytorch/examples, mnist/main.py: transforms.Normalize((0.1307,), (0.3081,)). Black becomes
  // -0.42421296 and white 2.8214867, computed there with Python.
  const auto stated = mnist_normalization();
  const ImageDataset two(torch::tensor({0, 255}, at::kByte).view({2, 1, 1, 1}),
                         torch::zeros({2}, at::kLong), stated);
  const auto pixels = two.batch(std::vector<std::int64_t>{0, 1}).input.flatten();
  CATCH_CHECK(pixels.equal(torch::tensor({-0.42421296F, 2.8214867F})));
  const auto* folder = full_set("GRADUS_MNIST");
  if (folder == nullptr) return;
  check_normalization(read_mnist(folder).train.images(), stated);
}

CATCH_TEST_CASE("Files that are not MNIST's are refused, by name") {
  const auto with = [](std::size_t file, const Bytes& bytes) {
    const Folder folder;
    write_mnist(folder);
    write(folder / mnist_files[file], bytes);
    return refusal([&] { (void)read_mnist(folder.path()); });
  };
  CATCH_CHECK_THAT(with(1, idx(8, {3}, {9, 0, 10})),
                   ContainsSubstring("train-labels-idx1-ubyte has label 10 for image 2"));
  CATCH_CHECK_THAT(with(3, idx(8, {3}, {1, 2, 3})),
                   ContainsSubstring("t10k-labels-idx1-ubyte has 3 values of 1 dimensions; "
                                     "expected one uint8 for each of 2 images"));
  CATCH_CHECK_THAT(with(1, idx(9, {3}, {1, 2, 3})), ContainsSubstring("expected one uint8"));
  CATCH_CHECK_THAT(with(0, idx(8, {3, 28, 27}, Bytes(3 * 28 * 27))),
                   ContainsSubstring("has values [3, 28, 27] of type Byte"));
  CATCH_CHECK_THAT(with(0, idx(9, {3, 28, 28}, pixels(3, 0))), ContainsSubstring("of type Char"));
  CATCH_CHECK_THAT(with(2, {0x1f, 0x8b, 8, 0}),
                   ContainsSubstring("t10k-images-idx3-ubyte is compressed by gzip"));

  const Folder folder;
  write_mnist(folder);
  for (std::size_t k = 0; k < 2; ++k) {
    std::filesystem::copy_file(folder / mnist_files[k], folder / mnist_files[k + 2],
                               std::filesystem::copy_options::overwrite_existing);
  }
  CATCH_CHECK_THAT(refusal([&] { (void)read_mnist(folder.path()); }),
                   ContainsSubstring("has the training images as test images"));
  std::filesystem::remove(folder / mnist_files[1]);
  CATCH_CHECK_THAT(refusal([&] { (void)read_mnist(folder.path()); }),
                   ContainsSubstring("train-labels-idx1-ubyte does not exist"));
}
