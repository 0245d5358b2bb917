/// Tables from files, as tensors.
#pragma once

#include <gradus/data/csv_table.hpp>
#include <gradus/error.hpp>
#include <gradus/files/read_file.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::data {

/// Reads a whole file. Throws DataError for one that is not there, cannot be read, or is no table.
[[nodiscard]] inline CsvTable read_csv(const std::filesystem::path& path, char separator = ',') {
  const auto bytes =
      read_file<DataError>(path, "a table of comma-separated values", [](std::uintmax_t) {});
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {path.string(), text, separator};
}

/// Columns of numbers, float32 [rows, columns]. Throws as `CsvTable::numbers` does.
[[nodiscard]] inline at::Tensor numbers_of(const CsvTable& table,
                                           const std::vector<std::string>& columns) {
  const auto width = static_cast<std::int64_t>(columns.size());
  auto values = at::empty({table.rows(), width}, at::kFloat);
  auto* to = values.mutable_data_ptr<float>();
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const auto numbers = table.numbers(columns[k]);
    for (std::size_t row = 0; row < numbers.size(); ++row) {
      auto& value = to[row * columns.size() + k];
      value = static_cast<float>(numbers[row]);
      if (std::isfinite(value)) continue;
      throw DataError("Column '" + columns[k] + "' has " + std::to_string(numbers[row]) +
                      " in row " + std::to_string(row) +
                      "; expected numbers that a float32 can hold: scale the column.");
    }
  }
  return values;
}

/// A column of classes, int64 [rows]. Throws as `CsvTable::class_numbers` does.
[[nodiscard]] inline at::Tensor classes_of(const CsvTable& table, std::string_view column,
                                           const std::vector<std::string>& classes) {
  const auto numbers = table.class_numbers(column, classes);
  auto values = at::empty({table.rows()}, at::kLong);
  std::copy(numbers.begin(), numbers.end(), values.mutable_data_ptr<std::int64_t>());
  return values;
}

}  // namespace gradus::data
