#include "support.hpp"
#include <gradus/data/cifar10.hpp>
#include <gradus/data/cifar10_source.hpp>

#include <chrono>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

namespace {

bool installed(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null").c_str()) == 0;
}

// A machine with nothing on it, and a small archive that stands for the official one.
struct Machine {
  Folder folder;
  Environment cifar10{"GRADUS_CIFAR10", std::nullopt};
  Environment cache{"GRADUS_CACHE", (folder / "cache").string()};
  Cifar10Search search{.folder = {},
                       .shipped_subset = shipped_subset(),
                       .network = Network::off,
                       .archive = {},
                       .announce = {}};

  [[nodiscard]] std::filesystem::path cached() const {
    return folder / "cache/cifar-10-batches-bin";
  }

  void offer_archive(const std::string& content = "cifar-10-batches-bin") {
    write_small_cifar10(folder / "cifar-10-batches-bin", 2);
    const auto file = (folder / "archive.tar.gz").string();
    CATCH_REQUIRE(
        std::system(
            ("tar -czf " + file + " -C " + folder.path().string() + " " + content).c_str()) == 0);
    offer(file);
  }

  void offer(const std::filesystem::path& file) {
    const auto bytes = read_file<DataError>(file, "an archive", [](std::uintmax_t) {});
    search.archive = {.url = "file://" + file.string(), .md5 = md5(bytes)};
    search.network = Network::allowed;
  }

  // Nothing but, perhaps, the finished data: no temporary folder is left.
  [[nodiscard]] bool cache_is_clean() const {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "cache", ignored)) {
      if (entry.path() != cached()) return false;
    }
    return true;
  }
};

}  // namespace

CATCH_TEST_CASE("The folder asked for comes first, and must hold the data") {
  Machine machine;
  write_small_cifar10(machine.folder / "mine", 1);
  write_small_cifar10(machine.cached(), 1);
  machine.search.folder = machine.folder / "mine";
  const auto source = find_cifar10(machine.search);
  CATCH_CHECK(source.origin == Cifar10Origin::folder);
  CATCH_CHECK(source.folder == machine.folder / "mine");
  CATCH_CHECK(source.sentence == "Using a subset of CIFAR-10 from " +
                                     (machine.folder / "mine").string() +
                                     ": the folder asked for.");

  machine.search.folder = machine.folder / "other";
  CATCH_CHECK_THAT(refusal([&] { (void)find_cifar10(machine.search); }),
                   ContainsSubstring("other does not exist"));
}

CATCH_TEST_CASE("GRADUS_CIFAR10 comes next, and must hold the data if it is set") {
  Machine machine;
  write_small_cifar10(machine.folder / "mine/cifar-10-batches-bin", 1);
  write_small_cifar10(machine.cached(), 1);
  {
    const Environment set("GRADUS_CIFAR10", (machine.folder / "mine").string());
    const auto source = find_cifar10(machine.search);
    CATCH_CHECK(source.origin == Cifar10Origin::environment);
    CATCH_CHECK(source.folder == machine.folder / "mine/cifar-10-batches-bin");
    CATCH_CHECK_THAT(source.sentence, ContainsSubstring("GRADUS_CIFAR10 names it"));
  }
  const Environment set("GRADUS_CIFAR10", (machine.folder / "other").string());
  CATCH_CHECK_THAT(refusal([&] { (void)find_cifar10(machine.search); }),
                   ContainsSubstring("GRADUS_CIFAR10 is set, but: The data folder"));
}

CATCH_TEST_CASE("The cache folder follows the environment") {
  const Environment own("GRADUS_CACHE", std::nullopt);
  {
    const Environment user("XDG_CACHE_HOME", "/user/cache");
    CATCH_CHECK(cache_folder() == "/user/cache/gradus");
    const Environment gradus("GRADUS_CACHE", "/own");
    CATCH_CHECK(cache_folder() == "/own");
  }
  const Environment user("XDG_CACHE_HOME", "");
  {
    const Environment home("HOME", "/home/someone");
    CATCH_CHECK(cache_folder() == "/home/someone/.cache/gradus");
  }
  const Environment home("HOME", std::nullopt);
  CATCH_CHECK(cache_folder() == std::nullopt);
}

CATCH_TEST_CASE("The cached copy is used without the network") {
  Machine machine;
  write_small_cifar10(machine.cached(), 1);
  const auto source = find_cifar10(machine.search);
  CATCH_CHECK(source.origin == Cifar10Origin::cache);
  CATCH_CHECK_THAT(source.sentence, ContainsSubstring("GRADUS_CIFAR10 is not set"));
}

CATCH_TEST_CASE("The shipped subset is the last resort, and the sentence says why") {
  Machine machine;
  const auto source = find_cifar10(machine.search);
  CATCH_CHECK(source.origin == Cifar10Origin::shipped_subset);
  CATCH_CHECK_THAT(source.sentence, ContainsSubstring("Using a subset of CIFAR-10") &&
                                        ContainsSubstring("the network is not to be used"));
  CATCH_CHECK(read_cifar10(source.folder).train.size() == 5'000);

  machine.search.shipped_subset.clear();
  CATCH_CHECK_THAT(refusal([&] { (void)find_cifar10(machine.search); }),
                   ContainsSubstring("CIFAR-10 is nowhere to be found"));
}

CATCH_TEST_CASE("An archive is fetched once, checked, and unpacked into the cache") {
  if (!installed("curl")) {
    CATCH_WARN("skipped: curl is not installed");
    return;
  }
  Machine machine;
  machine.offer_archive();
  const auto abandoned = machine.cached().parent_path() / ".unfinished-by-a-killed-run";
  std::filesystem::create_directories(abandoned);
  std::filesystem::last_write_time(
      abandoned, std::filesystem::file_time_type::clock::now() - std::chrono::hours(25));
  std::vector<std::string> said;
  machine.search.announce = [&](const std::string& sentence) { said.push_back(sentence); };
  const auto source = find_cifar10(machine.search);
  CATCH_CHECK(source.origin == Cifar10Origin::download);
  CATCH_CHECK(source.folder == machine.cached());
  CATCH_CHECK(read_cifar10(source.folder).train.size() == 10);
  CATCH_CHECK(machine.cache_is_clean());
  CATCH_CHECK(find_cifar10(machine.search).origin == Cifar10Origin::cache);
  CATCH_CHECK(said.size() == 1);

  // An incomplete copy is replaced.
  std::filesystem::remove(machine.cached() / "test_batch.bin");
  CATCH_CHECK(find_cifar10(machine.search).origin == Cifar10Origin::download);
  CATCH_CHECK(machine.cache_is_clean());
}

CATCH_TEST_CASE("An archive that is not the official one is not used, and leaves nothing behind") {
  if (!installed("curl")) {
    CATCH_WARN("skipped: curl is not installed");
    return;
  }
  Machine machine;
  const auto falls_back = [&](const std::string& reason) {
    const auto source = find_cifar10(machine.search);
    CATCH_CHECK(source.origin == Cifar10Origin::shipped_subset);
    CATCH_CHECK_THAT(source.sentence, ContainsSubstring(reason));
    CATCH_CHECK(machine.cache_is_clean());
    CATCH_CHECK(!std::filesystem::exists(machine.cached()));
  };
  machine.offer_archive();
  const auto right = machine.search.archive.md5;
  machine.search.archive.md5 = std::string(32, '0');
  falls_back("has MD5 " + right + "; expected 00000000");

  write(machine.folder / "broken.tar.gz", std::string("not an archive"));
  machine.offer(machine.folder / "broken.tar.gz");
  falls_back("cannot be unpacked (");

  machine.offer_archive("cifar-10-batches-bin/test_batch.bin");  // the five others are missing
  falls_back("has 1 of the 6 files");

  machine.search.archive.url = "file://" + (machine.folder / "none").string();
  falls_back("failed (curl: ");

  machine.search.archive.url = "https://127.0.0.1:1/none";
  falls_back("failed (curl: ");

  write(machine.folder / "cache-file", std::string("a file where a folder should be"));
  const Environment cache("GRADUS_CACHE", (machine.folder / "cache-file").string());
  falls_back("nothing can be written");
}

CATCH_TEST_CASE("wget does where curl is not installed, and without both the reason is given") {
  Machine machine;
  machine.offer_archive();
  const auto programs = machine.folder / "programs";
  std::filesystem::create_directory(programs);
  const auto find = [&] {
    const Environment path("PATH", programs.string());
    return find_cifar10(machine.search);
  };
  const auto without = find();
  CATCH_CHECK(without.origin == Cifar10Origin::shipped_subset);
  CATCH_CHECK_THAT(without.sentence, ContainsSubstring("Neither curl nor wget is installed"));

  for (const auto* program : {"tar", "gzip"}) {
    for (const auto* place : {"/bin", "/usr/bin"}) {
      const auto file = std::filesystem::path(place) / program;
      if (std::filesystem::exists(file) && !std::filesystem::exists(programs / program)) {
        std::filesystem::create_symlink(file, programs / program);
      }
    }
  }
  write(programs / "wget",
        "#!/bin/sh\nfor word; do case \"$word\" in --output-document=*) exec /bin/cp " +
            (machine.folder / "archive.tar.gz").string() + " \"${word#*=}\";; esac; done\n");
  std::filesystem::permissions(programs / "wget", std::filesystem::perms::owner_all);
  CATCH_CHECK(find().origin == Cifar10Origin::download);
}
