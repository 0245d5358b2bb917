// Tokens in a file that is mapped.
#include "support.hpp"
#include <gradus/data/token_dataset.hpp>
#include <gradus/data/token_file.hpp>

#include <atomic>
#include <numeric>
#include <thread>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

namespace {

std::vector<std::int64_t> ids_of(std::int64_t count, std::int64_t vocabulary) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<std::int64_t>(i * i * 7 + i) % vocabulary;
  }
  return ids;
}

std::vector<std::int64_t> all_of(const TokenFile& file) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(file.size()));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

}  // namespace

CATCH_TEST_CASE("A file of tokens gives the windows that a tensor of them gives") {
  const Folder folder;
  const auto path = folder / "train.bin";
  for (const auto& [type, vocabulary] : {std::pair{TokenType::uint8, std::int64_t{256}},
                                         {TokenType::uint16, 65'536},
                                         {TokenType::uint32, 4'294'967'296}}) {
    auto ids = ids_of(1000, vocabulary);
    ids[500] = vocabulary - 1;
    write_tokens(path, ids, type);
    CATCH_CHECK(std::filesystem::file_size(path) == 1000 * static_cast<std::size_t>(type));
    for (const std::int64_t stride : {0, 1, 5}) {
      const TokenFile file(path, {type, vocabulary, /*context=*/8, stride});
      const TokenDataset tensor(torch::tensor(ids), 8, stride);
      CATCH_CHECK(file.tokens() == 1000);
      CATCH_REQUIRE(file.size() == tensor.size());
      const auto indices = all_of(file);
      CATCH_CHECK(file.batch(indices).input.equal(tensor.batch(indices).input));
      CATCH_CHECK(file.batch(indices).target.equal(tensor.batch(indices).target));
    }
  }
  CATCH_CHECK(TokenFile(path, {TokenType::uint32, 4'294'967'296, 999}).size() == 1);
}

CATCH_TEST_CASE("The bytes are those of nanoGPT: little-endian, without a header") {
  const Folder folder;
  write_tokens(folder / "t.bin", std::vector<std::int64_t>{0x0102, 50256}, TokenType::uint16);
  CATCH_CHECK(gradus::test::text_of(folder / "t.bin") == "\x02\x01\x50\xc4");
}

CATCH_TEST_CASE("Several threads read one file of tokens at once") {
  const Folder folder;
  write_tokens(folder / "t.bin", ids_of(5000, 100), TokenType::uint8);
  const TokenFile file(folder / "t.bin", {TokenType::uint8, 100, 16});
  const auto indices = all_of(file);
  const auto expected = file.batch(indices).input;
  std::atomic<int> equal = 0;
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k) {
    threads.emplace_back([&, copy = file] {
      for (int round = 0; round < 20; ++round) equal += copy.batch(indices).input.equal(expected);
    });
  }
  for (auto& thread : threads) thread.join();
  CATCH_CHECK(equal == 80);
}

CATCH_TEST_CASE("The fingerprint of a file of tokens is of ids, type and windows") {
  const Folder folder;
  const auto ids = ids_of(100, 100);
  write_tokens(folder / "a", ids, TokenType::uint8);
  write_tokens(folder / "b", ids, TokenType::uint8);
  auto others = ids;
  ++others[50];
  write_tokens(folder / "c", others, TokenType::uint8);
  const auto of = [&](const char* name, TokenFileForm form) {
    return TokenFile(folder / name, form).fingerprint();
  };
  const auto a = of("a", {TokenType::uint8, 256, 8});
  CATCH_CHECK(a == of("b", {TokenType::uint8, 256, 8}));
  CATCH_CHECK(a != of("c", {TokenType::uint8, 256, 8}));
  CATCH_CHECK(a != of("a", {TokenType::uint8, 256, 9}));
  CATCH_CHECK(a != of("a", {TokenType::uint8, 256, 8, 1}));
  CATCH_CHECK(a != of("a", {TokenType::uint16, 65'536, 8}));
}

CATCH_TEST_CASE("A file that is no file of tokens is refused") {
  const Folder folder;
  const auto path = folder / "t.bin";
  const auto refused = [&](TokenFileForm form) {
    return refusal([&] { const TokenFile file(path, form); });
  };
  CATCH_CHECK_THAT(refused({TokenType::uint8, 256, 4}), ContainsSubstring("does not exist"));
  write(path, Bytes());
  CATCH_CHECK_THAT(refused({TokenType::uint8, 256, 4}),
                   ContainsSubstring(path.string() + " is empty"));
  write(path, Bytes{1, 2, 3, 4, 5});
  CATCH_CHECK_THAT(refused({TokenType::uint16, 60'000, 1}),
                   ContainsSubstring("has 5 bytes; expected whole ids of 2 bytes each"));
  CATCH_CHECK_THAT(refused({TokenType::uint32, 60'000, 1}),
                   ContainsSubstring("expected whole ids of 4 bytes each"));
  CATCH_CHECK_THAT(refused({TokenType::uint8, 256, 5}),
                   ContainsSubstring("has 5 tokens; expected more than a window of 5"));
  CATCH_CHECK_THAT(refused({TokenType::uint8, 5, 4}),
                   ContainsSubstring("has id 5 as token 4 (from 0); expected ids below 5"));
  CATCH_CHECK_NOTHROW(TokenFile(path, {TokenType::uint8, 6, 4}));
  CATCH_CHECK_THAT(refused({TokenType::uint8, 0, 4}), ContainsSubstring("a vocabulary of 0"));
  CATCH_CHECK_THAT(refused({TokenType::uint8, 256, 0}), ContainsSubstring("windows of 0"));
  CATCH_CHECK_THAT(refused({TokenType::uint8, 256, 4, -1}), ContainsSubstring("every -1"));
  CATCH_CHECK_THAT(
      refusal([&] { const TokenFile file(folder.path(), {.vocabulary = 9, .context = 1}); }),
      ContainsSubstring("is a folder"));
  for (const std::int64_t index : {-1, 1}) {
    const TokenFile file(path, {TokenType::uint8, 6, 4});
    CATCH_CHECK_THAT(refusal([&] { (void)file.batch(std::vector{index}); }),
                     ContainsSubstring("the file has 1; expected an index from 0"));
  }
}

CATCH_TEST_CASE("A file of tokens that is cut short while it is read is an error, not a crash") {
  const Folder folder;
  write_tokens(folder / "t.bin", ids_of(100'000, 100), TokenType::uint8);
  const TokenFile file(folder / "t.bin", {TokenType::uint8, 100, 8});
  const std::vector<std::int64_t> last{file.size() - 1};
  CATCH_CHECK(file.batch(last).size() == 1);
  std::filesystem::resize_file(folder / "t.bin", 10);
  CATCH_CHECK_THAT(refusal([&] { (void)file.batch(last); }),
                   ContainsSubstring("changed its size to 10 bytes while it was in use; expected "
                                     "the 100000 that it had"));
}

CATCH_TEST_CASE("Tokens that the type cannot hold are not written") {
  const Folder folder;
  const auto refused = [&](std::vector<std::int64_t> ids, TokenType type) {
    return refusal([&] { write_tokens(folder / "t.bin", ids, type); });
  };
  CATCH_CHECK_THAT(refused({}, TokenType::uint8), ContainsSubstring("No tokens"));
  CATCH_CHECK_THAT(refused({1, 256}, TokenType::uint8),
                   ContainsSubstring("Token 1 for") && ContainsSubstring("has id 256"));
  CATCH_CHECK_THAT(refused({-1}, TokenType::uint16), ContainsSubstring("expected 0 to 65535"));
  CATCH_CHECK_THAT(refused({4'294'967'296}, TokenType::uint32),
                   ContainsSubstring("has id 4294967296"));
  CATCH_CHECK_FALSE(std::filesystem::exists(folder / "t.bin"));
}
