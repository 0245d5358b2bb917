#include "support.hpp"
#include <gradus/data/cifar10.hpp>

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

namespace {

// Six files of the official size, all black and of class 0 but for one byte that tells them apart.
void write_full_size(const std::filesystem::path& folder) {
  for (std::size_t i = 0; i < cifar10_files.size(); ++i) {
    const auto file = folder / cifar10_files[i];
    write(file, Bytes{0, static_cast<std::uint8_t>(i + 1)});
    std::filesystem::resize_file(file, cifar10_file_bytes);
  }
}

std::string read_refusal(const std::filesystem::path& folder, Verify verify = Verify::structure) {
  return refusal([&] { (void)read_cifar10(folder, verify); });
}

std::int64_t pixel(const ImageDataset& data, std::int64_t sample, std::int64_t channel,
                   std::int64_t y, std::int64_t x) {
  return data.images()[sample][channel][y][x].item<std::int64_t>();
}

}  // namespace

CATCH_TEST_CASE("The genuine data has the pixels and labels it is known to have") {
  const char* full = std::getenv("GRADUS_CIFAR10");
  const bool is_full = full != nullptr && *full != '\0';
  const auto data = read_cifar10(is_full ? full : shipped_subset(), Verify::checksums);
  CATCH_CHECK(data.train.size() == (is_full ? 50'000 : 5'000));
  CATCH_CHECK(data.test.size() == (is_full ? 10'000 : 1'000));

  // The first training image is a frog, the first test image a cat, in the subset too; the numbers
  // are those of the Python version of the data.
  CATCH_CHECK(data.train.labels()[0].item<std::int64_t>() == 6);
  CATCH_CHECK(pixel(data.train, 0, 0, 0, 0) == 59);
  CATCH_CHECK(pixel(data.train, 0, 0, 0, 1) == 43);
  CATCH_CHECK(pixel(data.train, 0, 1, 0, 0) == 62);
  CATCH_CHECK(pixel(data.train, 0, 2, 0, 0) == 63);
  CATCH_CHECK(pixel(data.train, 0, 2, 31, 31) == 72);
  CATCH_CHECK(data.test.labels()[0].item<std::int64_t>() == 3);
  CATCH_CHECK(pixel(data.test, 0, 0, 0, 0) == 158);

  for (const auto* part : {&data.train, &data.test}) {
    const auto classes = at::bincount(part->labels());
    CATCH_CHECK(at::equal(classes, at::full({10}, part->size() / 10, at::kLong)));
  }
  CATCH_CHECK(checksum(data) ==
              (is_full ? "3b791db1eb8a35b4f03b44faab0d7560" : "468ae5e6c6bc7d239b8c7e33a85911af"));
}

CATCH_TEST_CASE("The normalization is that of the whole training set, to its four digits") {
  const auto* folder = full_set("GRADUS_CIFAR10");
  if (folder == nullptr || is_subset(cifar10_folder(folder))) return;
  check_normalization(read_cifar10(folder).train.images(), cifar10_normalization());
}

CATCH_TEST_CASE("Records are read in order from all files, in the folder or one below") {
  const Folder folder;
  write_small_cifar10(folder / "cifar-10-batches-bin", 20);
  for (const auto& given : {folder.path(), folder / "cifar-10-batches-bin"}) {
    const auto data = read_cifar10(given);
    CATCH_REQUIRE(data.train.size() == 100);
    CATCH_REQUIRE(data.test.size() == 20);
    const auto second = records(20, 1);  // of data_batch_2
    CATCH_CHECK(data.train.labels()[23].item<std::int64_t>() == 3);
    CATCH_CHECK(pixel(data.train, 23, 1, 2, 3) == second[3 * 3073 + 1 + 1024 + 2 * 32 + 3]);
    CATCH_CHECK(data.train.batch(std::vector<std::int64_t>{23}).input.sizes() ==
                at::IntArrayRef({1, 3, 32, 32}));
  }
}

CATCH_TEST_CASE("The checksum is the MD5 of all files one after another") {
  const Folder folder;
  write_small_cifar10(folder.path(), 2);
  Md5 digest;
  for (std::size_t i = 0; i < 6; ++i) digest.update(records(2, i));
  CATCH_CHECK(checksum(read_cifar10(folder.path())) == digest.finish());
}

CATCH_TEST_CASE("A data folder that is missing or incomplete is refused") {
  const Folder folder;
  CATCH_CHECK(
      read_refusal(folder / "none") ==
      "The data folder " + (folder / "none").string() +
          " does not exist; expected one with the binary version of CIFAR-10: name the folder "
          "that holds data_batch_1.bin.");
  CATCH_CHECK_THAT(read_refusal(folder.path()), ContainsSubstring("has 0 of the 6 files") &&
                                                    ContainsSubstring("data_batch_1.bin"));
  for (const auto file : cifar10_files) {
    write_small_cifar10(folder.path(), 1);
    std::filesystem::remove(folder / file);
    CATCH_CHECK_THAT(
        read_refusal(folder.path()),
        ContainsSubstring("has 5 of the 6 files") && ContainsSubstring("not " + std::string(file)));
  }
  write(folder / "file", std::string("x"));
  CATCH_CHECK_THAT(read_refusal(folder / "file"), ContainsSubstring("is not a folder"));
}

CATCH_TEST_CASE("A file of the full set with another size is refused") {
  const Folder folder;
  write_full_size(folder.path());
  const auto file = folder / "data_batch_1.bin";
  const auto with_size = [&](std::uintmax_t bytes) {
    std::filesystem::resize_file(file, bytes);
    return read_refusal(folder.path());
  };
  const auto name = file.string();
  CATCH_CHECK(with_size(30'730'001) == name +
                                           " has 30730001 bytes; expected whole records of 3073 "
                                           "bytes each: fetch the official binary version of "
                                           "CIFAR-10 again.");
  CATCH_CHECK_THAT(
      with_size(30'730'000 - 3073),
      ContainsSubstring(name + " has 30726927 bytes; expected 30730000 (10,000 records"));
  CATCH_CHECK_THAT(with_size(30'730'000 + 3073), ContainsSubstring("expected 30730000"));
  CATCH_CHECK_THAT(with_size(std::uintmax_t{1} << 40U),
                   ContainsSubstring("expected whole records"));
  CATCH_CHECK_THAT(with_size(0), ContainsSubstring(name + " has 0 bytes"));
}

CATCH_TEST_CASE("Full-size files are accepted by structure and refused by checksum") {
  const Folder folder;
  write_full_size(folder.path());
  CATCH_CHECK(read_cifar10(folder.path()).train.size() == 50'000);
  CATCH_CHECK_THAT(read_refusal(folder.path(), Verify::checksums),
                   ContainsSubstring("data_batch_1.bin has MD5 ") &&
                       ContainsSubstring("expected 5dd7e06a14cb22eb9f671a540d1b7c25"));
}

CATCH_TEST_CASE("A label above 9 is refused with its record") {
  const Folder folder;
  write_small_cifar10(folder.path(), 5);
  auto bytes = records(5, 3);
  bytes[4 * cifar10_record_bytes] = 10;
  write(folder / "data_batch_4.bin", bytes);
  CATCH_CHECK_THAT(read_refusal(folder.path()),
                   ContainsSubstring("data_batch_4.bin has label 10 in record 4"));
}

CATCH_TEST_CASE("Test images that are training images are refused") {
  const Folder folder;
  write_small_cifar10(folder.path(), 5);
  write(folder / "test_batch.bin", records(5, 2));
  write_manifest(folder.path());
  CATCH_CHECK_THAT(read_refusal(folder.path()),
                   ContainsSubstring("test_batch.bin has the same bytes as data_batch_3.bin"));
}

CATCH_TEST_CASE("A file that is a folder, or that may not be read, is refused") {
  const Folder folder;
  write_small_cifar10(folder.path(), 1);
  std::filesystem::remove(folder / "data_batch_2.bin");
  std::filesystem::create_directory(folder / "data_batch_2.bin");
  CATCH_CHECK_THAT(read_refusal(folder.path()), ContainsSubstring("data_batch_2.bin is a folder"));
}

CATCH_TEST_CASE("A subset is held to the MD5s that it states") {
  const Folder folder;
  write_small_cifar10(folder.path(), 3);
  auto bytes = records(3, 5);
  bytes[100] ^= 1U;
  write(folder / "test_batch.bin", bytes);
  CATCH_CHECK_THAT(read_refusal(folder.path()),
                   ContainsSubstring("test_batch.bin has MD5 " + md5(bytes) + "; expected " +
                                     md5(records(3, 5))));
  write(folder / "test_batch.bin", Bytes(100));
  CATCH_CHECK_THAT(read_refusal(folder.path()), ContainsSubstring("expected whole records"));

  const auto with_manifest = [&](const std::string& text) {
    write(folder / subset_manifest_name, text);
    return read_refusal(folder.path());
  };
  CATCH_CHECK_THAT(with_manifest(""), ContainsSubstring("does not name data_batch_1.bin"));
  CATCH_CHECK_THAT(with_manifest("hello\n"), ContainsSubstring("has the line \"hello\""));
  CATCH_CHECK_THAT(with_manifest(std::string(32, 'g') + "  test_batch.bin\n"),
                   ContainsSubstring("has the line"));
  CATCH_CHECK_THAT(with_manifest(std::string(32, 'a') + "  other.bin\n"),
                   ContainsSubstring("has the line"));
  CATCH_CHECK_THAT(with_manifest(std::string(5000, 'a')), ContainsSubstring("has 5000 bytes"));
  CATCH_CHECK_THAT(with_manifest(std::string(32, 'a') + "  test_batch.bin\n"),
                   ContainsSubstring("does not name data_batch_1.bin"));

  // Without the manifest the folder claims to be the full set, and is not.
  std::filesystem::remove(folder / subset_manifest_name);
  CATCH_CHECK_THAT(read_refusal(folder.path()),
                   ContainsSubstring("has 9219 bytes; expected 30730000"));
}
