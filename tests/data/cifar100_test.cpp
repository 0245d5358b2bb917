// CIFAR-100's two files.
#include "support.hpp"
#include <gradus/data/cifar100.hpp>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

namespace {

constexpr std::uintmax_t train_bytes = 50'000 * 3074;
constexpr std::uintmax_t test_bytes = 10'000 * 3074;

/// Files of the official sizes that begin with `train` and `test` and are zero behind.
void write_cifar100(const std::filesystem::path& folder, const Bytes& train = {},
                    const Bytes& test = {}) {
  std::filesystem::create_directories(folder);
  write(folder / "train.bin", train);
  std::filesystem::resize_file(folder / "train.bin", train_bytes);
  write(folder / "test.bin", test);
  std::filesystem::resize_file(folder / "test.bin", test_bytes);
}

std::string read_refusal(const std::filesystem::path& folder) {
  return refusal([&] { (void)read_cifar100(folder); });
}

/// Two records of these labels, all pixels of the second its number.
Bytes two_records(std::uint8_t coarse, std::uint8_t fine) {
  Bytes bytes(3074);
  bytes.push_back(coarse);
  bytes.push_back(fine);
  bytes.resize(bytes.size() + 3072, 200);
  return bytes;
}

}  // namespace

CATCH_TEST_CASE("A record has a coarse label, a fine label and the pixels") {
  const Folder folder;
  write_cifar100(folder / "cifar-100-binary", two_records(19, 99), two_records(3, 42));
  for (const auto& given : {folder.path(), folder / "cifar-100-binary"}) {
    const auto fine = read_cifar100(given);
    CATCH_CHECK(fine.train.size() == 50'000);
    CATCH_CHECK(fine.test.size() == 10'000);
    CATCH_CHECK(fine.train.labels().slice(0, 0, 3).equal(torch::tensor({0, 99, 0})));
    CATCH_CHECK(fine.test.labels()[1].item<int>() == 42);
    for (const auto* part : {&fine.train, &fine.test}) {
      const auto images = part->images();
      CATCH_CHECK(images.slice(0, 0, 3).flatten(1).to(at::kLong).sum(1).equal(
          torch::tensor({0, 200 * 3072, 0})));
    }
  }
  const auto coarse = read_cifar100(folder.path(), Cifar100Label::coarse);
  CATCH_CHECK(coarse.train.labels()[1].item<int>() == 19);
  CATCH_CHECK(coarse.test.labels()[1].item<int>() == 3);
  CATCH_CHECK(coarse.test.fingerprint() != read_cifar100(folder.path()).test.fingerprint());
}

CATCH_TEST_CASE("Labels that are no class are refused, whichever is read") {
  const Folder folder;
  write_cifar100(folder.path(), two_records(20, 99));
  CATCH_CHECK_THAT(read_refusal(folder.path()),
                   ContainsSubstring("train.bin has coarse label 20 in record 1 (from 0); "
                                     "expected a label from 0 to 19"));
  write(folder / "train.bin", two_records(19, 100));
  std::filesystem::resize_file(folder / "train.bin", train_bytes);
  CATCH_CHECK_THAT(read_refusal(folder.path()),
                   ContainsSubstring("has fine label 100 in record 1 (from 0); expected a label "
                                     "from 0 to 99"));
}

CATCH_TEST_CASE("Files of another size, or that are not there, are refused") {
  const Folder folder;
  CATCH_CHECK_THAT(read_refusal(folder / "none"), ContainsSubstring("does not exist") &&
                                                      ContainsSubstring("CIFAR-100") &&
                                                      ContainsSubstring("holds train.bin"));
  CATCH_CHECK_THAT(read_refusal(folder.path()),
                   ContainsSubstring("has 0 of the 2 files of CIFAR-100's binary version"));
  write_cifar100(folder.path());
  const auto with_size = [&](std::uintmax_t bytes) {
    std::filesystem::resize_file(folder / "test.bin", bytes);
    return read_refusal(folder.path());
  };
  CATCH_CHECK_THAT(with_size(test_bytes - 1), ContainsSubstring("expected whole records of 3074"));
  CATCH_CHECK_THAT(with_size(test_bytes - 3074),
                   ContainsSubstring("expected 30740000 (10,000 records of 3074 bytes)"));
  CATCH_CHECK_THAT(with_size(test_bytes + 3074), ContainsSubstring("expected 30740000"));
  CATCH_CHECK_THAT(with_size(0), ContainsSubstring("test.bin has 0 bytes"));
  std::filesystem::remove(folder / "test.bin");
  CATCH_CHECK_THAT(read_refusal(folder.path()),
                   ContainsSubstring("has 1 of the 2 files") && ContainsSubstring("not test.bin"));
}

CATCH_TEST_CASE("CIFAR-100's normalization is that of its training set, to four digits") {
  const auto* folder = full_set("GRADUS_CIFAR100");
  if (folder == nullptr) return;
  check_normalization(read_cifar100(folder).train.images(), cifar100_normalization());
}
