// Any bytes behind a first one, which chooses the reader, are what that reads, or a DataError.
#include <gradus/data/cifar100_files.hpp>
#include <gradus/data/cifar_records.hpp>
#include <gradus/data/csv_table.hpp>
#include <gradus/data/idx_header.hpp>
#include <gradus/data/token_bytes.hpp>

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

using namespace gradus::data;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void idx(std::span<const std::uint8_t> bytes) {
  const auto header = parse_idx("the file", bytes);
  auto values = bytes.size() - header.bytes;
  require(header.bytes == 4 + 4 * header.sizes.size() && values % value_bytes(header.type) == 0);
  values /= value_bytes(header.type);
  for (const auto size : header.sizes) {
    require(size > 0 && values % static_cast<std::uint64_t>(size) == 0);
    values /= static_cast<std::uint64_t>(size);
  }
  require(values == 1);
}

void csv(std::span<const std::uint8_t> bytes) {
  const CsvTable table("the table", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  require(table.rows() >= 1 && !table.columns().empty());
  for (const auto& column : table.columns()) {
    const auto classes = table.classes(column);
    const auto numbers = table.class_numbers(column, classes);
    for (std::int64_t row = 0; row < table.rows(); ++row) {
      const auto number = static_cast<std::size_t>(numbers[static_cast<std::size_t>(row)]);
      require(classes[number] == table.cell(row, column));
    }
  }
  static_cast<void>(table.numbers(table.columns().front()));
}

void cifar100(std::span<const std::uint8_t> bytes) {
  check_cifar_size(cifar100_form, "the file", bytes.size(), {.records = 50'000, .or_fewer = true});
  check_cifar_labels(cifar100_form, "the file", bytes);
  require(!bytes.empty() && bytes.size() % 3074 == 0);
  for (std::size_t at = 0; at < bytes.size(); at += 3074) {
    require(bytes[at] < 20 && bytes[at + 1] < 100);
  }
}

void tokens(std::span<const std::uint8_t> bytes, TokenType type) {
  constexpr std::int64_t vocabulary = 200;
  const auto count = check_tokens("the file", bytes, type, vocabulary);
  const auto width = static_cast<std::size_t>(type);
  require(count > 0 && static_cast<std::size_t>(count) * width == bytes.size());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    require(at % width == 0 ? bytes[at] < vocabulary : bytes[at] == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span bytes(data + 1, size - 1);
  try {
    switch (data[0] % 6) {
      case 0:
        idx(bytes);
        break;
      case 1:
        csv(bytes);
        break;
      case 2:
        cifar100(bytes);
        break;
      case 3:
        tokens(bytes, TokenType::uint8);
        break;
      case 4:
        tokens(bytes, TokenType::uint16);
        break;
      default:
        tokens(bytes, TokenType::uint32);
    }
  } catch (const gradus::DataError&) {
  }
  return 0;
}
