/// Text as a stream of windows, from a file or a pipe.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/data/stream.hpp>
#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>

namespace gradus::data {

/// Windows of `context` bytes, one behind another, each with the bytes that follow its own: Batch
/// of `input` and `target` [N, context] int64 from 0 to 255, as NextToken takes them. The last
/// bytes that fill no window are left out.
///
/// A run over it resumes to the bit where the text can be read again: a file, or a pipe that gives
/// the same text from its beginning, of which the part that is done is read and dropped.
class TextStream {
 public:
  /// `text` must outlive it. Throws DataError for windows of no bytes, or a text that cannot be
  /// read.
  TextStream(std::istream& text, std::int64_t context) : text_(&text), context_(context) {
    if (context < 1) {
      throw DataError("A text stream was given windows of " + std::to_string(context) +
                      " bytes; expected at least 1.");
    }
    if (!text) throw DataError("The text cannot be read; see whether its file is there.");
    begin_ = text.tellg();
    text.clear();  // a pipe has no place
  }

  /// Up to `samples` windows; nothing behind the last. Throws DataError if the text cannot be read.
  std::optional<Batch> next(std::int64_t samples) {
    if (given_ == 0 && !last_) last_ = read_one();
    if (!last_) return std::nullopt;
    std::string bytes(static_cast<std::size_t>(samples * context_), '\0');
    text_->read(bytes.data(), std::ssize(bytes));
    if (text_->bad())
      throw DataError("Reading the text has failed; see whether its source is still there.");
    const auto count = static_cast<std::int64_t>(text_->gcount()) / context_;
    if (count == 0) {
      last_.reset();
      return std::nullopt;
    }
    Batch batch{at::empty({count, context_}, at::kLong), at::empty({count, context_}, at::kLong)};
    auto* input = batch.input.mutable_data_ptr<std::int64_t>();
    auto* target = batch.target.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < count * context_; ++i) {
      input[i] = static_cast<unsigned char>(*last_);
      last_ = bytes[static_cast<std::size_t>(i)];
      target[i] = static_cast<unsigned char>(*last_);
    }
    given_ += count;
    return batch;
  }

  /// Windows given so far.
  void save(StateDict& to) const { to.put("windows", given_); }

  /// Throws DataError if the text is shorter, or a pipe that is past the place.
  void load(const StateDict& from) {
    const auto windows = from.number("windows");
    const auto place = windows * context_;  // of the byte before the next window's targets
    if (begin_ != std::istream::pos_type(-1)) {
      text_->clear();
      text_->seekg(begin_ + std::streamoff(place));
    } else if (given_ == 0 && !last_) {
      text_->ignore(place);
    } else if (windows != given_) {
      throw DataError("The text cannot be put back to byte " + std::to_string(place) +
                      ", for it is a pipe; open it again, from its beginning.");
    } else {
      return;
    }
    last_ = read_one();
    given_ = windows;
    if (!last_ && windows > 0) {
      throw DataError("The text has ended before byte " + std::to_string(place) +
                      ", where the run was; give it the text that it had.");
    }
  }

 private:
  std::optional<char> read_one() {
    char one = 0;
    if (!text_->get(one)) return std::nullopt;
    return one;
  }

  std::istream* text_;
  std::int64_t context_;
  std::istream::pos_type begin_;
  std::optional<char> last_;  ///< byte before the next window's targets
  std::int64_t given_ = 0;    ///< windows
};
static_assert(PositionedStream<TextStream>);

}  // namespace gradus::data
