/// Words of a shell's command.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace cifar10 {

/// `word` as one word of a shell's command: in quotes where it needs some.
inline std::string shell_word(const std::string& word) {
  const auto plain = [](unsigned char letter) {
    return std::isalnum(letter) != 0 ||
           std::string_view("_-./:=,+@%").find(static_cast<char>(letter)) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return word;
  std::string text = "'";
  for (const char letter : word) {
    text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  }
  return text + "'";
}

}  // namespace cifar10
