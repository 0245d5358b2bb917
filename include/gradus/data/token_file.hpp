/// A text of tokens that lies in a file, larger than memory if need be, in windows.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/tensor_fingerprint.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/detail/mapped_file.hpp>
#include <gradus/data/detail/token_windows.hpp>
#include <gradus/data/token_bytes.hpp>
#include <gradus/error.hpp>
#include <gradus/files/crc32c.hpp>
#include <gradus/files/write_file.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::data {

/// How a file of tokens is read.
struct TokenFileForm {
  TokenType type = TokenType::uint16;
  std::int64_t vocabulary = 0;  ///< every id is below
  std::int64_t context = 0;     ///< tokens of a window
  std::int64_t stride = 0;      ///< tokens from window to window; 0: the context, no overlap
};

/// `TokenDataset` over a file that is mapped, not read: sample i is the window of `context` ids
/// from i * `stride` on; its target are the ids that follow each. Batch of `input` and `target`
/// [N, context] int64, as NextToken takes them. Copies share the file.
class TokenFile {
 public:
  /// Reads the file once, for its fingerprint and to see that every id is below the vocabulary.
  /// Throws DataError for a file that is not there, empty, of a part of an id, with such an id or
  /// too few for one window, and for a form that cannot be.
  TokenFile(const std::filesystem::path& path, const TokenFileForm& form)
      : type_(form.type),
        windows_{.context = form.context, .stride = form.stride == 0 ? form.context : form.stride} {
    const auto& [context, stride] = windows_;
    if (context < 1 || stride < 1 || form.vocabulary < 1) {
      throw DataError("A token file was given a vocabulary of " + std::to_string(form.vocabulary) +
                      " and windows of " + std::to_string(context) + " every " +
                      std::to_string(stride) + "; expected 1 or more of each.");
    }
    file_ = std::make_shared<const detail::MappedFile>(path, "a file of tokens");
    const auto bytes = file_->bytes();
    tokens_ = check_tokens(path.string(), bytes, type_, form.vocabulary);
    if (tokens_ <= context) {
      throw DataError(path.string() + " has " + std::to_string(tokens_) +
                      " tokens; expected more " + "than a window of " + std::to_string(context) +
                      ": give a longer text or a shorter context.");
    }
    const std::vector cut{context, stride, static_cast<std::int64_t>(type_)};
    fingerprint_ =
        crc32c({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, fingerprint_of(cut));
  }

  [[nodiscard]] std::int64_t size() const { return windows_.count(tokens_); }
  [[nodiscard]] std::int64_t tokens() const { return tokens_; }

  /// Throws DataError for an index outside, and if the file has changed its size since.
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    file_->check_size();
    return with_token_type(type_, [&]<class Id>(Id) {
      const auto* ids = reinterpret_cast<const Id*>(file_->bytes().data());  // pages are aligned
      return windows_.batch(ids, tokens_, indices, "file");
    });
  }

  /// Of the ids as they were, their type and how they are cut.
  [[nodiscard]] std::uint32_t fingerprint() const { return fingerprint_; }

 private:
  std::shared_ptr<const detail::MappedFile> file_;
  TokenType type_;
  detail::TokenWindows windows_;
  std::int64_t tokens_ = 0;
  std::uint32_t fingerprint_ = 0;
};
static_assert(FingerprintedDataset<TokenFile>);

/// Writes ids as a file that `TokenFile` reads, whole or not at all. Throws DataError for no ids
/// and for one that `type` cannot hold, ResourceError if the file cannot be written.
inline void write_tokens(const std::filesystem::path& path, std::span<const std::int64_t> ids,
                         TokenType type = TokenType::uint16) {
  if (ids.empty()) {
    throw DataError("No tokens were given for " + path.string() + "; expected at least one.");
  }
  with_token_type(type, [&]<class Id>(Id) {
    std::vector<Id> narrow;
    narrow.reserve(ids.size());
    for (const auto id : ids) {
      if (id < 0 || id > static_cast<std::int64_t>(std::numeric_limits<Id>::max())) {
        throw DataError("Token " + std::to_string(narrow.size()) + " for " + path.string() +
                        " has id " + std::to_string(id) + "; expected 0 to " +
                        std::to_string(std::numeric_limits<Id>::max()) + ": name a wider type.");
      }
      narrow.push_back(static_cast<Id>(id));
    }
    write_file(path, std::string_view(reinterpret_cast<const char*>(narrow.data()),
                                      narrow.size() * sizeof(Id)));
  });
}

}  // namespace gradus::data
