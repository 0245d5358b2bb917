/// Tokens as bytes: flat unsigned numbers, little-endian, as nanoGPT's `.bin` files. No torch here.
#pragma once

#include <gradus/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace gradus::data {

/// What an id is in the file; the value is its size in bytes.
enum class TokenType : std::size_t { uint8 = 1, uint16 = 2, uint32 = 4 };

/// Calls `use` with a value of the type that `type` names.
template <class Use>
decltype(auto) with_token_type(TokenType type, Use use) {
  switch (type) {
    case TokenType::uint8:
      return use(std::uint8_t{});
    case TokenType::uint16:
      return use(std::uint16_t{});
    case TokenType::uint32:
      return use(std::uint32_t{});
  }
  throw DataError("A token type has value " + std::to_string(static_cast<std::size_t>(type)) +
                  "; expected one that TokenType names.");
}

namespace detail {

template <class Id>
[[nodiscard]] std::int64_t token_count(const std::string& what, std::span<const std::uint8_t> bytes,
                                       std::int64_t vocabulary) {
  const auto refuse = [&](const std::string& found, const std::string& expected) {
    throw DataError(what + " " + found + "; expected " + expected +
                    ": name the type and vocabulary that it was written with, or write it again.");
  };
  if (bytes.empty()) refuse("is empty", "tokens");
  if (bytes.size() % sizeof(Id) != 0) {
    refuse("has " + std::to_string(bytes.size()) + " bytes",
           "whole ids of " + std::to_string(sizeof(Id)) + " bytes each");
  }
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(Id)) {
    Id id{};
    std::memcpy(&id, bytes.data() + at, sizeof(Id));
    if (static_cast<std::int64_t>(id) < vocabulary) continue;
    refuse("has id " + std::to_string(id) + " as token " + std::to_string(at / sizeof(Id)) +
               " (from 0)",
           "ids below " + std::to_string(vocabulary));
  }
  return static_cast<std::int64_t>(bytes.size() / sizeof(Id));
}

}  // namespace detail

/// How many ids `bytes` are; `what` names them in errors. Throws DataError for none, for a part of
/// an id, and for an id that is not below `vocabulary`.
[[nodiscard]] inline std::int64_t check_tokens(const std::string& what,
                                               std::span<const std::uint8_t> bytes, TokenType type,
                                               std::int64_t vocabulary) {
  return with_token_type(
      type, [&]<class Id>(Id) { return detail::token_count<Id>(what, bytes, vocabulary); });
}

}  // namespace gradus::data
