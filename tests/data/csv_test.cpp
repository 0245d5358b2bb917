// Tables of text, and parts of a set.
#include "../catch.hpp"
#include "../folder.hpp"
#include <gradus/data/csv.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/data/split.hpp>
#include <gradus/data/tensor_dataset.hpp>
#include <gradus/data/token_dataset.hpp>
#include <gradus/data/token_file.hpp>

#include <fstream>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

using namespace gradus;
using namespace gradus::data;
using Catch::Matchers::ContainsSubstring;

namespace {

using Texts = std::vector<std::string>;

std::string refusal(std::string_view text) {
  try {
    static_cast<void>(CsvTable("the table", text));
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

CATCH_TEST_CASE("a table is its cells") {
  const CsvTable table("t", "name,size,\"the \"\"kind\"\"\"\r\na,1.5,x\n\"b,\nc\",-2e3,\n");
  CATCH_CHECK(table.columns() == Texts{"name", "size", "the \"kind\""});
  CATCH_CHECK(table.rows() == 2);
  CATCH_CHECK(table.cell(1, "name") == "b,\nc");
  CATCH_CHECK(table.cell(1, "the \"kind\"").empty());
  CATCH_CHECK(table.numbers("size") == std::vector<double>{1.5, -2000});
  CATCH_CHECK(CsvTable("t", "a;b\n1;2", ';').numbers("b") == std::vector<double>{2});
  CATCH_CHECK(CsvTable("t", "a,b\n1,").cell(0, "b").empty());
  CATCH_CHECK(CsvTable("t",
                       "\xef\xbb\xbf"
                       "a\n1\n")
                  .columns() == Texts{"a"});
}

CATCH_TEST_CASE("classes of a training set name those of another") {
  const CsvTable train("train", "kind\nred\nblue\nred\n");
  const auto classes = train.classes("kind");
  CATCH_CHECK(classes == Texts{"blue", "red"});
  CATCH_CHECK(classes_of(train, "kind", classes).equal(torch::tensor({1, 0, 1})));
  CATCH_CHECK_THROWS_WITH(
      CsvTable("test", "kind\ngreen\n").class_numbers("kind", classes),
      ContainsSubstring("test has 'green' in column 'kind', line 2; expected one of the 2"));
}

CATCH_TEST_CASE("what is no table is refused, with its line") {
  CATCH_CHECK_THAT(refusal(""), ContainsSubstring("has no rows"));
  CATCH_CHECK_THAT(refusal("a,b\n"), ContainsSubstring("has no rows"));
  CATCH_CHECK_THAT(refusal("a,b\n1,2\n1,2,3\n"),
                   ContainsSubstring("3 cells in line 3; expected 2"));
  CATCH_CHECK_THAT(refusal("a,b\n\"1\n2\",3\n4\n"), ContainsSubstring("1 cells in line 4"));
  CATCH_CHECK_THAT(refusal("a,a\n1,2\n"), ContainsSubstring("two columns called 'a'"));
  CATCH_CHECK_THAT(refusal("a,\n1,2\n"), ContainsSubstring("a column without a name"));
  CATCH_CHECK_THAT(refusal("a\n\"1\n"), ContainsSubstring("a quote that is not closed in line 2"));
  CATCH_CHECK_THAT(refusal("a\n\"1\"2\n"), ContainsSubstring("after a quoted cell in line 2"));
  CATCH_CHECK_THAT(refusal("a\n1\"\n"), ContainsSubstring("a quote within a cell in line 2"));
  CATCH_CHECK_THAT(refusal(std::string_view("a\n\0\n", 4)),
                   ContainsSubstring("a NUL byte in line 2"));
  const CsvTable table("t", "price,b\n1,x\n,2\nnan,3\n0x1,4\n1 ,5\n1e999,6\n");
  CATCH_CHECK_THROWS_WITH(table.numbers("prise"), ContainsSubstring("did you mean 'price'?"));
  CATCH_CHECK_THROWS_WITH(table.numbers("b"), ContainsSubstring("'x' in column 'b', line 2"));
  CATCH_CHECK_THROWS_WITH(table.numbers("price"),
                          ContainsSubstring("'' in column 'price', line 3"));
  for (const std::string cell : {"nan", "inf", "0x1", "1 ", "1e999", "+1"}) {
    CATCH_CHECK_THROWS_AS(CsvTable("t", "a\n" + cell + "\n").numbers("a"), DataError);
  }
}

CATCH_TEST_CASE("a file becomes tensors") {
  const test::Folder folder;
  const auto path = folder.path() / "table.csv";
  std::ofstream(path) << "x,y,kind\n1,2,a\n3,4,b\n";
  const auto table = read_csv(path);
  CATCH_CHECK(numbers_of(table, {"y", "x"}).equal(torch::tensor({{2.F, 1.F}, {4.F, 3.F}})));
  CATCH_CHECK_THROWS_WITH(read_csv(folder.path() / "none.csv"),
                          ContainsSubstring("does not exist"));
}

CATCH_TEST_CASE("folds and splits have every sample once, and each class its share") {
  std::vector<std::int64_t> classes;
  for (std::int64_t i = 0; i < 100; ++i) classes.push_back(i % 10 == 0 ? 1 : 0);  // 10 of 100
  for (const bool stratified : {false, true}) {
    const std::span<const std::int64_t> of =
        stratified ? std::span<const std::int64_t>(classes) : std::span<const std::int64_t>();
    const auto parts = folds(100, 5, 3, of);
    std::set<std::int64_t> seen;
    for (const auto& part : parts) {
      CATCH_CHECK(part.size() == 20);
      seen.insert(part.begin(), part.end());
      std::int64_t ones = 0;
      for (const auto index : part) ones += classes[static_cast<std::size_t>(index)];
      if (stratified) CATCH_CHECK(ones == 2);
    }
    CATCH_CHECK(seen.size() == 100);
    CATCH_CHECK(parts == folds(100, 5, 3, of));
    CATCH_CHECK(parts != folds(100, 5, 4, of));
    const auto fold = held_out_fold(parts, 2);
    CATCH_CHECK(fold.train.size() == 80);
    CATCH_CHECK(fold.held_out == parts[2]);

    const auto cut = split(100, 0.25, 3, of);
    if (stratified) CATCH_CHECK(split(100, 0.25, 3, torch::tensor(classes)).train == cut.train);
    CATCH_CHECK(cut.held_out.size() == 25);
    CATCH_CHECK(cut.train.size() == 75);
    seen = {cut.train.begin(), cut.train.end()};
    seen.insert(cut.held_out.begin(), cut.held_out.end());
    CATCH_CHECK(seen.size() == 100);
    std::int64_t ones = 0;
    for (const auto index : cut.held_out) ones += classes[static_cast<std::size_t>(index)];
    if (stratified) CATCH_CHECK((ones == 2 || ones == 3));
  }
  CATCH_CHECK(split(2, 0.01, 0).held_out.size() == 1);
  CATCH_CHECK(split(2, 0.99, 0).train.size() == 1);
  CATCH_CHECK_THROWS_WITH(folds(3, 4, 0), ContainsSubstring("cannot be cut into 4 parts"));
  CATCH_CHECK_THROWS_WITH(split(10, 1, 0), ContainsSubstring("above 0 and below 1"));
  CATCH_CHECK_THROWS_WITH(folds(4, 2, 0, std::vector<std::int64_t>{1}),
                          ContainsSubstring("1 classes for 4"));
}

CATCH_TEST_CASE("a subset is a dataset") {
  const TensorDataset set(Batch{torch::arange(5).to(torch::kFloat), torch::arange(5)});
  const Subset part(set, {4, 1, 4});
  static_assert(Dataset<Subset<TensorDataset<Batch>>>);
  CATCH_CHECK(part.size() == 3);
  CATCH_CHECK(part.batch(std::vector<std::int64_t>{2, 1}).target.equal(torch::tensor({4, 1})));
  CATCH_CHECK(part.fingerprint() == Subset(set, {4, 1, 4}).fingerprint());
  CATCH_CHECK(part.fingerprint() != Subset(set, {4, 1, 0}).fingerprint());
  CATCH_CHECK_THROWS_WITH(Subset(set, {5}), ContainsSubstring("names sample 5"));
  for (const std::int64_t index : {-1, 3}) {
    CATCH_CHECK_THROWS_WITH(part.batch(std::vector{index}),
                            ContainsSubstring("the subset has 3; expected an index from 0"));
  }
}

CATCH_TEST_CASE("a subset lies on a device where its dataset can, and has its targets") {
  const std::vector<std::int64_t> indices{4, 1, 4, 0, 3};
  const std::vector<std::int64_t> order{2, 0, 4, 1};
  const auto same = [&](const auto& set, const std::vector<ImageTransform>& transforms) {
    const Subset part(set, indices);
    using Part = std::remove_cvref_t<decltype(part)>;
    static_assert(ResidentDataset<Part>);
    CATCH_CHECK(part.device_bytes() == set.device_bytes());
    const std::vector<std::int64_t> all{0, 1, 2, 3, 4};
    CATCH_CHECK(part.targets().equal(part.batch(all).target));
    const auto there = part.on_device(c10::kCPU);
    const auto found = there.epoch(order, transforms).batch(1, 3);
    const std::vector<std::int64_t> wanted{0, 4, 1};
    Batch expected = part.batch(wanted);
    if constexpr (AugmentableDataset<Part>) {
      if (!transforms.empty()) {
        expected = part.batch(wanted, std::span(transforms).subspan(1));
      }
    }
    CATCH_CHECK(found.input.equal(expected.input));
    CATCH_CHECK(found.target.equal(expected.target));
    CATCH_CHECK_THROWS_WITH(there.epoch(std::vector<std::int64_t>{5}),
                            ContainsSubstring("the subset has 5"));
  };
  same(TensorDataset(Batch{torch::arange(15).view({5, 3}).sin(), torch::arange(5) * 7}), {});
  const ImageDataset images(torch::arange(5 * 2 * 3 * 4, at::kByte).view({5, 2, 3, 4}),
                            torch::arange(5), {.mean = {0.5F, 0.1F}, .deviation = {0.2F, 0.3F}});
  same(images, {});
  same(images, {{.dy = 1}, {.dx = -1, .flip = true}, {.dy = -2, .dx = 1}, {.flip = true}});
  static_assert(ResidentDataset<Subset<TokenDataset>>);
  static_assert(!ResidentDataset<Subset<TokenFile>>);
}

CATCH_TEST_CASE("another cell of a table gives another fingerprint") {
  const auto of = [](const char* text) {
    const CsvTable table("t.csv", text);
    return TensorDataset(
               Batch{numbers_of(table, {"x", "y"}), classes_of(table, "kind", {"cat", "dog"})})
        .fingerprint();
  };
  const auto sum = of("x,y,kind\n1,2,cat\n3,4,dog\n");
  CATCH_CHECK(sum == of("kind,y,x\ncat,2,1\ndog,4,3\n"));
  CATCH_CHECK(sum != of("x,y,kind\n1,2,cat\n3,4.5,dog\n"));
  CATCH_CHECK(sum != of("x,y,kind\n1,2,cat\n3,4,cat\n"));
}
