// Rows 31 to 39, 49 of the fault matrix: a file that is not whole is found out, whatever is wrong.
#include "catch.hpp"
#include "folder.hpp"
#include <gradus/checkpoint/safetensors.hpp>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;
using gradus::test::Folder;
using gradus::test::text_of;

namespace {

void put(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

std::string refusal(const std::filesystem::path& file) {
  try {
    static_cast<void>(read_safetensors(file));
    return "";
  } catch (const CheckpointError& error) {
    return error.what();
  }
}

/// Eight bytes of length, a header, values.
std::string file_of(std::string header, std::size_t values) {
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + header + std::string(values, '\1');
}

std::string with_length(std::uint64_t length) {
  std::string bytes = file_of("{}", 0);
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

/// A small file with tensors of four types, the names of which JSON must escape.
void write_small(const std::filesystem::path& file) {
  write_safetensors(file, {.metadata = {{"note", "a \"quoted\" word"}},
                           .tensors = {{"bytes", torch::arange(5, torch::kByte)},
                                       {"layer.weight", torch::arange(6.0F).reshape({2, 3})},
                                       {"half", torch::ones({3}, torch::kBFloat16)},
                                       {"scalar", torch::tensor(std::int64_t{7})},
                                       {"none", torch::empty({0, 4})}}});
}

}  // namespace

CATCH_TEST_CASE("tensors of every type come back bit for bit, over the memory of the file") {
  const Folder folder;
  const auto file = folder / "a.safetensors";
  Safetensors all;
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                          at::kShort, at::kChar, at::kUInt64, at::kUInt32, at::kUInt16, at::kByte,
                          at::kBool, at::kComplexFloat, at::kFloat8_e4m3fn, at::kFloat8_e5m2}) {
    all.tensors.push_back({c10::toString(type), torch::arange(1, 7).reshape({2, 3}).to(type)});
  }
  write_safetensors(file, all);
  const auto read = read_safetensors(file);
  CATCH_CHECK(read.sealed);
  CATCH_CHECK(read.metadata.empty());
  CATCH_REQUIRE(read.tensors.size() == all.tensors.size());
  for (const auto& [name, tensor] : read.tensors) {
    const auto same = [&](const NamedTensor& other) { return other.name == name; };
    const auto& before = std::ranges::find_if(all.tensors, same)->tensor;
    CATCH_INFO(name);
    CATCH_CHECK(tensor.scalar_type() == before.scalar_type());
    CATCH_CHECK(tensor.sizes() == before.sizes());
    CATCH_CHECK(std::memcmp(tensor.const_data_ptr(), before.const_data_ptr(), before.nbytes()) ==
                0);
  }
}

CATCH_TEST_CASE("every truncation of a file is found out [rows 31, 32, 39]") {
  const Folder folder;
  const auto file = folder / "a.safetensors";
  write_small(file);
  const auto whole = text_of(file);
  CATCH_REQUIRE(refusal(file).empty());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    put(file, whole.substr(0, length));
    CATCH_INFO(length << " bytes");
    CATCH_REQUIRE_FALSE(refusal(file).empty());
  }
  put(file, whole + "x");
  CATCH_CHECK_THAT(refusal(file), ContainsSubstring("bytes follow the last tensor"));
}

CATCH_TEST_CASE("every flip of a single bit is found out [row 33]") {
  const Folder folder;
  const auto file = folder / "a.safetensors";
  write_small(file);
  auto bytes = text_of(file);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<char>(1 << (bit % 8));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
    put(file, bytes);
    CATCH_INFO("bit " << bit);
    CATCH_REQUIRE_FALSE(refusal(file).empty());
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
  }
  put(file, bytes);
  CATCH_CHECK(refusal(file).empty());
}

CATCH_TEST_CASE("a length that cannot be is refused before memory is taken [row 34]") {
  const Folder folder;
  const auto refused = [&](const std::string& bytes) {
    put(folder / "a", bytes);
    return refusal(folder / "a");
  };
  CATCH_CHECK_THAT(refused(with_length(std::uint64_t{1} << 63)),
                   ContainsSubstring("a header length beyond the format's limit"));
  CATCH_CHECK_THAT(refused(with_length(~std::uint64_t{0})),
                   ContainsSubstring("a header length beyond the format's limit"));
  CATCH_CHECK_THAT(refused(with_length(100'000'001)),
                   ContainsSubstring("a header length beyond the format's limit"));
  CATCH_CHECK_THAT(refused(with_length(1000)), ContainsSubstring("beyond the end of the file"));
}

CATCH_TEST_CASE("a header that lies is refused for what is wrong with it [rows 35 to 38]") {
  const Folder folder;
  const auto refused = [&](const std::string& header, const std::string& part) {
    put(folder / "a", file_of(header, 16));
    CATCH_INFO(header);
    CATCH_CHECK_THAT(refusal(folder / "a"), ContainsSubstring(part));
  };
  const auto entry = [](const std::string& name, const std::string& type, const std::string& shape,
                        const std::string& offsets) {
    return "\"" + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape +
           R"(,"data_offsets":)" + offsets + "}";
  };
  const auto w = entry("w", "F32", "[2]", "[0,8]");
  put(folder / "a", file_of("{" + w + "," + entry("v", "F32", "[2]", "[8,16]") + "}", 16));
  CATCH_CHECK(refusal(folder / "a").empty());

  refused("{" + entry("w", "F32", "[4294967296,4294967296,4294967296]", "[0,16]") + "}",
          "'w' is too large");
  refused("{" + w + "," + entry("v", "F32", "[2]", "[8,16]") + "," +
              entry("none", "F32", "[9223372036854775808,0]", "[16,16]") + "}",
          "'none' is too large");
  refused("{" + entry("w", "F32", "[4]", "[16,0]") + "}", "does not lie where its shape says");
  refused("{" + w + "," + entry("v", "F32", "[3]", "[4,16]") + "}", "does not lie");   // overlap
  refused("{" + w + "," + entry("v", "F32", "[1]", "[12,16]") + "}", "does not lie");  // hole
  refused("{" + entry("w", "F32", "[4]", "[8,16]") + "}", "does not lie");             // half of it
  refused("{" + w + "," + entry("v", "F32", "[4]", "[8,24]") + "}", "does not lie");   // past end
  refused("{" + w + "}", "bytes follow the last tensor");
  refused("{" + entry("w", "F99", "[4]", "[0,16]") + "}", "the type 'F99', which is not supported");
  refused("{" + w + "," + w + "}", "names 'w' twice");
  refused(R"({"w":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
          "has 'dtype' twice");
  refused(R"({"w":{"dtype":"F32","shape":[4]}})", "must have dtype, shape and two data_offsets");
  refused(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16,16]}})", "two data_offsets");
  refused(R"({"w":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}})", "wrong form");
  refused(R"({"w":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}})", "wrong form");
  refused(R"({"w":{"dtype":"F32","shape":[[4]],"data_offsets":[0,16]}})", "wrong form");
  refused(R"({"__metadata__":{"a":1}})", "wrong form");
  refused("[]", "not a JSON object");
  refused("7", "not a JSON object");
  refused(R"({"w":)", "not JSON");
}

CATCH_TEST_CASE("files of other programs are read: any order, no checksums, values anywhere") {
  const Folder folder;
  auto bytes = file_of(
      R"({"late":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},)"
      R"("early":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{"format":"pt"}})",
      5);
  put(folder / "a", bytes);
  const auto read = read_safetensors(folder / "a");
  CATCH_CHECK_FALSE(read.sealed);
  CATCH_CHECK(read.metadata.at("format") == "pt");
  CATCH_REQUIRE(read.tensors.size() == 2);
  CATCH_CHECK(read.tensors[0].name == "early");
  float value = 0;
  std::memcpy(&value, "\1\1\1\1", sizeof value);
  CATCH_CHECK(read.tensors[1].tensor.item<float>() == value);  // not at a multiple of four
}

CATCH_TEST_CASE("archives of PyTorch are refused as code [row 49]") {
  const Folder folder;
  put(folder / "a.pt", std::string("PK\x03\x04", 4) + std::string(100, 'x'));
  CATCH_CHECK_THAT(refusal(folder / "a.pt"), ContainsSubstring("can run code"));
  put(folder / "a.pkl", std::string("\x80\x02", 2) + std::string(100, 'x'));
  CATCH_CHECK_THAT(refusal(folder / "a.pkl"), ContainsSubstring("can run code"));
}

CATCH_TEST_CASE("the length of a header may look like the beginning of an archive") {
  const Folder folder;
  for (const std::size_t length : {0x0280U, 0x10280U}) {
    std::string header = R"({"__metadata__":{"pad":"","x":""}})";
    header.insert(header.find("\",\"x"), length - header.size(), '-');
    const auto file = file_of(header, 0);
    CATCH_REQUIRE(file.starts_with("\x80\x02"));
    put(folder / "a", file);
    CATCH_CHECK(refusal(folder / "a").empty());
  }
}
