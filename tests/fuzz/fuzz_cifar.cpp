// Any bytes are records of CIFAR-10 or a list of their checksums, or a DataError.
#include <gradus/data/cifar10_records.hpp>

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gradus::data;
  const std::span bytes(data, size);
  try {
    check_size("the file", size, /*is_subset=*/true);
    check_labels("the file", bytes);
    for (std::size_t at = 0; at < size; at += cifar10_record_bytes) {
      if (data[at] > 9 || at + cifar10_record_bytes > size) std::abort();
    }
  } catch (const gradus::DataError&) {
  }
  try {
    const auto sums = parse_subset_manifest("the list", {bytes.begin(), bytes.end()});
    for (const auto& sum : sums) {
      if (sum.size() != 32) std::abort();
    }
  } catch (const gradus::DataError&) {
  }
  return 0;
}
