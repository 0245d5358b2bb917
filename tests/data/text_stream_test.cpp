// Text in windows, as a file and as a pipe give it.
#include "../folder.hpp"
#include "../pipe.hpp"
#include "support.hpp"
#include <gradus/data/text_stream.hpp>
#include <gradus/data/token_dataset.hpp>

#include <fstream>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

using namespace gradus;
using namespace gradus::data;

namespace {

std::string long_text() {
  std::string text;
  for (int i = 0; i < 1003; ++i) text += static_cast<char>(i * 7 % 256);
  return text;
}

}  // namespace

CATCH_TEST_CASE("a text stream gives the windows of the text, whatever is asked for at once") {
  const auto text = long_text();
  for (const std::int64_t context : {1, 2, 10, 501, 1002}) {
    const TokenDataset whole(byte_ids(text), context);
    for (const std::int64_t samples : {1, 3, 64, 2000}) {
      std::istringstream source(text);
      TextStream stream(source, context);
      std::int64_t seen = 0;
      while (const auto batch = stream.next(samples)) {
        CATCH_REQUIRE(batch->size() <= samples);
        std::vector<std::int64_t> indices(static_cast<std::size_t>(batch->size()));
        std::iota(indices.begin(), indices.end(), seen);
        const auto expected = whole.batch(indices);
        CATCH_CHECK(batch->input.equal(expected.input));
        CATCH_CHECK(batch->target.equal(expected.target));
        seen += batch->size();
      }
      CATCH_CHECK(seen == whole.size());
      CATCH_CHECK(!stream.next(1));
    }
  }
}

CATCH_TEST_CASE("a text too short for a window gives nothing") {
  for (const auto* text : {"", "a", "abcdefg", "abcdefgh"}) {
    std::istringstream source(text);
    CATCH_CHECK(!TextStream(source, 8).next(4));
  }
  std::istringstream source("abcdefghi");
  TextStream stream(source, 8);
  CATCH_CHECK(stream.next(4)->size() == 1);
}

CATCH_TEST_CASE("a text stream goes back and forth in a file, and forth in a pipe") {
  const gradus::test::Folder folder;
  const auto path = folder / "text";
  std::ofstream(path, std::ios::binary) << long_text();
  std::ifstream file(path, std::ios::binary);
  TextStream stream(file, 10);
  (void)stream.next(30);
  StateDict place;
  stream.save(place);
  const auto after = stream.next(5);
  while (stream.next(50)) continue;
  stream.load(place);
  CATCH_CHECK(stream.next(5)->target.equal(after->target));

  gradus::test::Pipe pipe("cat " + path.string());
  TextStream piped(pipe.text, 10);
  piped.load(place);
  CATCH_CHECK(piped.next(5)->target.equal(after->target));
  CATCH_CHECK_THROWS_WITH(piped.load(place), Catch::Matchers::ContainsSubstring("it is a pipe"));

  std::istringstream shorter("short");
  TextStream other(shorter, 10);
  CATCH_CHECK_THROWS_WITH(other.load(place),
                          Catch::Matchers::ContainsSubstring("has ended before"));
  std::ifstream missing(folder / "none");
  CATCH_CHECK_THROWS_WITH(TextStream(missing, 10), Catch::Matchers::ContainsSubstring("is there"));
  CATCH_CHECK_THROWS_WITH(TextStream(shorter, 0), Catch::Matchers::ContainsSubstring("at least 1"));
}
