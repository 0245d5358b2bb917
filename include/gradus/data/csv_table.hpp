/// Tables of text: comma-separated values as RFC 4180 has them, read strictly. No torch header is
/// needed here.
#pragma once

#include <gradus/error.hpp>
#include <gradus/settings/nearest.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace gradus::data {

/// The cells of a file whose first row names the columns. A cell in double quotes may hold
/// separators, line ends and doubled quotes; lines end in LF or CR LF. Nothing is trimmed.
class CsvTable {
 public:
  /// `what` names the file in errors. Throws DataError for rows of different lengths, columns
  /// without a name of their own, a quote that is not closed or stands within a cell, a NUL byte,
  /// or no row at all.
  CsvTable(std::string what, std::string_view text, char separator = ',') : what_(std::move(what)) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
    read(text, separator);
    name_columns();
    if (rows() < 1) refuse("has no rows", "a row of names and at least one of values");
  }

  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(lines_.size()) - 1; }

  /// `row` counts from 0. Throws DataError for a row or column that is not there.
  [[nodiscard]] const std::string& cell(std::int64_t row, std::string_view column) const {
    if (row < 0 || row >= rows()) {
      refuse("has no row " + std::to_string(row), "0 to " + std::to_string(rows() - 1));
    }
    return cells_[static_cast<std::size_t>(row + 1) * columns_.size() + place_of(column)];
  }

  /// A column as numbers. Throws DataError for a cell that is none, or not finite.
  [[nodiscard]] std::vector<double> numbers(std::string_view column) const {
    const auto place = place_of(column);
    std::vector<double> numbers;
    numbers.reserve(static_cast<std::size_t>(rows()));
    for (std::size_t row = 1; row < lines_.size(); ++row) {
      const auto& cell = cells_[row * columns_.size() + place];
      double number = 0;
      const auto* end = cell.data() + cell.size();
      const auto [stop, error] = std::from_chars(cell.data(), end, number);
      if (error != std::errc() || stop != end || !std::isfinite(number)) {
        refuse("has " + quoted(cell) + " in column '" + std::string(column) + "', line " +
                   std::to_string(lines_[row]),
               "a finite number");
      }
      numbers.push_back(number);
    }
    return numbers;
  }

  /// The different texts of a column, sorted.
  [[nodiscard]] std::vector<std::string> classes(std::string_view column) const {
    const auto place = place_of(column);
    std::vector<std::string> names;
    for (std::size_t row = 1; row < lines_.size(); ++row) {
      names.push_back(cells_[row * columns_.size() + place]);
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }

  /// A column as places in `classes`, those of the training set say. Throws DataError for a text
  /// that is not among them.
  [[nodiscard]] std::vector<std::int64_t> class_numbers(
      std::string_view column, const std::vector<std::string>& classes) const {
    const auto place = place_of(column);
    std::vector<std::int64_t> numbers;
    for (std::size_t row = 1; row < lines_.size(); ++row) {
      const auto& cell = cells_[row * columns_.size() + place];
      const auto found = std::find(classes.begin(), classes.end(), cell);
      if (found == classes.end()) {
        refuse("has " + quoted(cell) + " in column '" + std::string(column) + "', line " +
                   std::to_string(lines_[row]),
               "one of the " + std::to_string(classes.size()) + " classes");
      }
      numbers.push_back(found - classes.begin());
    }
    return numbers;
  }

 private:
  [[noreturn]] void refuse(const std::string& found, const std::string& expected) const {
    throw DataError(what_ + " " + found + "; expected " + expected + ": mend the file.");
  }

  /// Short, and without what would break a line.
  static std::string quoted(const std::string& cell) {
    std::string text = cell.substr(0, 40);
    for (char& letter : text) letter = letter >= ' ' && letter <= '~' ? letter : '?';
    return "'" + text + (cell.size() > 40 ? "...'" : "'");
  }

  [[nodiscard]] std::size_t place_of(std::string_view column) const {
    const auto found = std::find(columns_.begin(), columns_.end(), column);
    if (found != columns_.end()) return static_cast<std::size_t>(found - columns_.begin());
    throw DataError(what_ + " has no column '" + std::string(column) + "'" +
                    suggestion(column, columns_));
  }

  void read(std::string_view text, char separator) {
    std::size_t next = 0;
    std::int64_t line = 1;
    while (next < text.size()) {
      lines_.push_back(line);
      std::size_t width = 0;
      bool ends = false;
      while (!ends) {
        cells_.push_back(read_cell(text, separator, next, line));
        ++width;
        ends = next >= text.size() || text[next] != separator;
        if (!ends && ++next == text.size()) {  // an empty last cell without a line end
          cells_.emplace_back();
          ++width;
          ends = true;
        }
      }
      if (next < text.size()) next += text[next] == '\r' ? 2 : 1;
      if (lines_.size() == 1) width_ = width;
      if (width != width_) {
        refuse("has " + std::to_string(width) + " cells in line " + std::to_string(lines_.back()),
               std::to_string(width_) + " as in the first");
      }
      ++line;
    }
  }

  /// Leaves `next` at the separator or line end behind the cell.
  std::string read_cell(std::string_view text, char separator, std::size_t& next,
                        std::int64_t& line) const {
    const auto begin_line = line;
    const auto refuse_cell = [&](const char* found, const char* expected) {
      refuse(std::string(found) + " in line " + std::to_string(begin_line), expected);
    };
    std::string cell;
    const bool in_quotes = next < text.size() && text[next] == '"';
    if (in_quotes) ++next;
    for (bool open = in_quotes;; ++next) {
      if (next == text.size()) {
        if (open) refuse_cell("has a quote that is not closed", "a second one behind it");
        return cell;
      }
      const char letter = text[next];
      if (letter == '\0') refuse_cell("has a NUL byte", "text");
      if (open) {
        if (letter == '\n') ++line;
        if (letter != '"') {
          cell += letter;
        } else if (next + 1 < text.size() && text[next + 1] == '"') {
          cell += '"';
          ++next;
        } else {
          open = false;
        }
        continue;
      }
      const bool ends = letter == separator || letter == '\n' ||
                        (letter == '\r' && next + 1 < text.size() && text[next + 1] == '\n');
      if (ends) return cell;
      if (in_quotes) refuse_cell("continues after a quoted cell", "a separator");
      if (letter == '"') refuse_cell("has a quote within a cell", "quotes around all of it");
      cell += letter;
    }
  }

  void name_columns() {
    columns_.assign(cells_.begin(), cells_.begin() + static_cast<std::ptrdiff_t>(width_));
    for (auto column = columns_.begin(); column != columns_.end(); ++column) {
      if (column->empty()) refuse("has a column without a name", "a name for each");
      if (std::find(columns_.begin(), column, *column) != column) {
        refuse("has two columns called " + quoted(*column), "different names");
      }
    }
  }

  std::string what_;
  std::size_t width_ = 0;
  std::vector<std::string> columns_;
  std::vector<std::string> cells_;   ///< row by row, that of the names first
  std::vector<std::int64_t> lines_;  ///< on which each row begins, from 1
};

}  // namespace gradus::data
