#include "../data/support.hpp"
#include <gradus/files/read_file.hpp>

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

namespace {

constexpr auto any_size = [](std::uintmax_t) {};

}  // namespace

CATCH_TEST_CASE("A file is read whole, in however small pieces the system gives it") {
  const Folder folder;
  const auto bytes = records(3, 1);
  write(folder / "file", bytes);
  CATCH_CHECK(read_file<DataError>(folder / "file", "a file", any_size) == bytes);

  int calls = 0;
  const auto in_pieces = [&](int file, void* buffer, std::size_t size) -> ssize_t {
    if (++calls % 3 == 0) {
      errno = EINTR;
      return -1;
    }
    return ::read(file, buffer, std::min<std::size_t>(size, 1000));
  };
  CATCH_CHECK(read_file<DataError>(folder / "file", "a file", any_size, in_pieces) == bytes);
  CATCH_CHECK(calls > 9);
}

CATCH_TEST_CASE("What is not a readable regular file is refused by its name") {
  const Folder folder;
  const auto read = [&](const char* name) {
    return refusal([&] { (void)read_file<DataError>(folder / name, "a list", any_size); });
  };
  CATCH_CHECK(read("none") == (folder / "none").string() +
                                  " does not exist; expected a list: name a file that exists.");
  std::filesystem::create_directory(folder / "folder");
  CATCH_CHECK_THAT(read("folder"),
                   ContainsSubstring("is a folder; expected a list: name a file in it"));
  CATCH_REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CATCH_CHECK_THAT(read("pipe"), ContainsSubstring("is not a regular file"));  // and no wait

  write(folder / "secret", std::string("x"));
  CATCH_REQUIRE(::chmod((folder / "secret").c_str(), 0) == 0);
  CATCH_REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  const bool is_root = ::geteuid() == 0;
  if (is_root) CATCH_REQUIRE(::seteuid(65534) == 0);  // permissions do not hold for root
  const auto sentence = read("secret");
  if (is_root) CATCH_REQUIRE(::seteuid(0) == 0);
  CATCH_CHECK_THAT(sentence, ContainsSubstring("cannot be opened (Permission denied)"));
}

CATCH_TEST_CASE("A file that fails, shrinks or grows while it is read is refused") {
  const Folder folder;
  const auto file = folder / "file";
  write(file, records(2, 1));

  // Gives 1,000 bytes, then does something, then continues.
  const auto after_1000 = [&](auto action) {
    return refusal([&] {
      bool begun = false;
      (void)read_file<DataError>(file, "a file", any_size,
                                 [&](int fd, void* buffer, std::size_t size) {
                                   if (!std::exchange(begun, true)) return ::read(fd, buffer, 1000);
                                   const ssize_t result = action();
                                   return result < 0 ? result : ::read(fd, buffer, size);
                                 });
    });
  };
  CATCH_CHECK_THAT(after_1000([] { return errno = EIO, ssize_t{-1}; }),
                   ContainsSubstring("cannot be read past byte 1000 (Input/output error)"));
  CATCH_CHECK_THAT(after_1000([&] {
                     std::filesystem::resize_file(file, 3000);
                     return ssize_t{0};
                   }),
                   ContainsSubstring("ended after 3000 of 6146 bytes while it was read"));
  CATCH_CHECK_THAT(after_1000([&] {
                     std::filesystem::resize_file(file, 4000);
                     return ssize_t{0};
                   }),
                   ContainsSubstring("grew beyond 3000 bytes while it was read"));
}

CATCH_TEST_CASE("A size may be refused before anything is read") {
  const Folder folder;
  write(folder / "file", std::string("four"));
  const auto sentence = refusal([&] {
    (void)read_file<DataError>(
        folder / "file", "a file",
        [](std::uintmax_t bytes) { throw DataError(std::to_string(bytes)); },
        [](int, void*, std::size_t) -> ssize_t { std::abort(); });
  });
  CATCH_CHECK(sentence == "4");
}
