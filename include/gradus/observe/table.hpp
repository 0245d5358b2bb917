/// The table of a comparison, for a terminal and as Markdown.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/run_ending.hpp>
#include <gradus/observe/table_cells.hpp>
#include <gradus/observe/terminal.hpp>
#include <gradus/observe/text.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::observe {

namespace detail {

/// What stands under the table: the notes, and how runs that are not whole ended.
[[nodiscard]] inline std::vector<std::string> table_notes(const Comparison& comparison) {
  std::vector<std::string> notes = comparison.notes;
  for (const std::string& sentence : endings(comparison)) notes.push_back(sentence + ".");
  return notes;
}

[[nodiscard]] inline std::string padded(const std::string& text, std::size_t width, bool left) {
  const std::string space(width - std::min(width, columns(text)), ' ');
  return left ? text + space : space + text;
}

/// `text` in lines of at most `width` columns, broken at spaces, the later ones after `indent`.
[[nodiscard]] inline std::string wrapped(const std::string& text, std::size_t width,
                                         const std::string& indent) {
  std::string result;
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (used > 0 && used + 1 + columns(word) > width) {
      result += "\n" + indent;
      used = columns(indent);
    } else if (used > 0) {
      result += ' ';
      ++used;
    }
    result += word;
    used += columns(word);
    at = end + 1;
  }
  return result + "\n";
}

/// Columns side by side, one rule under the headings; the best figures green where there is colour.
[[nodiscard]] inline std::string grid(const std::vector<std::string>& headings,
                                      const std::vector<TableRow>& rows, const Terminal& terminal) {
  std::vector<std::size_t> widths;
  for (const std::string& heading : headings) widths.push_back(columns(heading));
  for (const TableRow& row : rows) {
    const auto cells = row.cells();
    for (std::size_t at = 0; at < headings.size(); ++at)
      widths[at] = std::max(widths[at], columns(cells[at].whole()));
  }
  const std::string_view dash = terminal.unicode ? "─" : "-";
  std::string head;
  std::string rule;
  for (std::size_t at = 0; at < headings.size(); ++at) {
    if (at > 0) head += "  ", rule += "  ";
    head += padded(headings[at], widths[at], at == 0);
    for (std::size_t column = 0; column < widths[at]; ++column) rule += dash;
  }
  std::string text = head + "\n" + rule + "\n";
  for (const TableRow& row : rows) {
    const auto cells = row.cells();
    for (std::size_t at = 0; at < headings.size(); ++at) {
      const bool paint = terminal.colour && cells[at].best;
      const std::string cell = padded(cells[at].whole(), widths[at], at == 0);
      if (at > 0) text += "  ";
      text += paint ? "\x1b[1;32m" + cell + "\x1b[0m" : cell;
    }
    text += "\n";
  }
  return text;
}

/// One figure per line, for a terminal too narrow for the grid.
[[nodiscard]] inline std::string stack(const std::vector<std::string>& headings,
                                       const std::vector<TableRow>& rows,
                                       const Terminal& terminal) {
  std::string text;
  for (const TableRow& row : rows) {
    const auto cells = row.cells();
    text += cells[0].text + "\n";
    for (std::size_t at = 1; at < headings.size(); ++at) {
      const bool paint = terminal.colour && cells[at].best;
      text += "  " + padded(headings[at], 24, true) +
              (paint ? "\x1b[1;32m" + cells[at].whole() + "\x1b[0m" : cells[at].whole()) + "\n";
    }
    text += "\n";
  }
  return text;
}

/// `text` as one cell of a Markdown table that shows every sign as it is.
[[nodiscard]] inline std::string markdown(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view("|\\`*_<>[]&").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

}  // namespace detail

/// The table with the notes under it, ending in a new line. Signs beyond ASCII, colours and the
/// layout for a narrow screen come only where `terminal` is interactive.
[[nodiscard]] inline std::string table(const Comparison& comparison, const Terminal& terminal) {
  const auto headings = table_headings(comparison);
  const auto rows = table_rows(comparison, terminal.unicode ? Signs::unicode() : Signs::ascii());
  const auto width = static_cast<std::size_t>(std::max(20, terminal.width()));
  const Terminal plain{.unicode = terminal.unicode};
  const std::string bare = detail::grid(headings, rows, plain);
  const bool too_wide = terminal.interactive && columns(bare.substr(0, bare.find('\n'))) > width;
  std::string text =
      too_wide ? detail::stack(headings, rows, terminal) : detail::grid(headings, rows, terminal);
  for (const std::string& note : detail::table_notes(comparison))
    text +=
        detail::wrapped("note: " + printable(note), std::min<std::size_t>(width, 100), "      ");
  return text;
}

/// The table as Markdown, the best figures bold, the notes as a list under it.
[[nodiscard]] inline std::string markdown_table(const Comparison& comparison) {
  const auto headings = table_headings(comparison);
  std::string head = "|";
  std::string rule = "|";
  for (const std::string& heading : headings) {
    head += " " + heading + " |";
    rule += rule.size() == 1 ? "---|" : "---:|";
  }
  std::string text = head + "\n" + rule + "\n";
  for (const TableRow& row : table_rows(comparison, Signs::unicode())) {
    text += "|";
    const auto cells = row.cells();
    for (std::size_t at = 0; at < headings.size(); ++at) {
      const Cell& cell = cells[at];
      const std::string shown = detail::markdown(cell.whole());
      text += " " + (cell.best ? "**" + shown + "**" : shown) + " |";
    }
    text += "\n";
  }
  const auto notes = detail::table_notes(comparison);
  if (!notes.empty()) text += "\n";
  for (const std::string& note : notes) text += "- " + detail::markdown(printable(note)) + "\n";
  return text;
}

}  // namespace gradus::observe
