// Faults of data, numbers and memory as the program answers them: an exit code and one sentence.
#include "failure.hpp"
#include "program.hpp"
#include <gradus/data/cifar10_files.hpp>
#include <gradus/device/device.hpp>

#include <c10/util/Exception.h>

#include <fstream>
#include <optional>
#include <string>
#include <unistd.h>

using namespace gradus::test;

namespace {

Result train(const fs::path& folder, const std::string& more = "",
             const std::string& environment = "") {
  return run("train unoptimized --quiet --offline --data " + folder.string() + " " + more,
             environment);
}

/// Six files of the right size, all different, that are not the official ones.
void write_full_size(const fs::path& folder) {
  for (std::size_t i = 0; i < gradus::data::cifar10_files.size(); ++i) {
    const auto file = folder / gradus::data::cifar10_files[i];
    std::ofstream(file) << '\0' << static_cast<char>(i + 1);
    fs::resize_file(file, gradus::data::cifar10_file_bytes);
  }
}

/// What to put before a program so that permissions hold for it; nothing where that cannot be had.
std::optional<std::string> without_privileges() {
  if (::geteuid() != 0) return "";
  const std::string drop =
      "setpriv --bounding-set=-dac_override,-dac_read_search "
      "--inh-caps=-dac_override,-dac_read_search";  // tried on this machine: cat gets EACCES
  if (std::system((drop + " true 2>/dev/null").c_str()) != 0) return std::nullopt;
  return drop;
}

}  // namespace

CATCH_TEST_CASE("a damaged file is refused for what is wrong with it") {
  const auto damaged = [](auto&& damage, const std::string& part, bool full_set = false) {
    const Folder folder;
    const auto copy = copy_of_subset(folder);
    if (full_set) fs::remove(copy / "subset.md5");
    damage(copy / "data_batch_3.bin");
    check_refused(train(copy), 4, part);
  };
  const auto nothing = [](const fs::path&) {};
  damaged(nothing, "data_batch_1.bin has 3073000 bytes; expected 30730000", /*full_set=*/true);
  damaged([](const fs::path& file) { fs::resize_file(file, 1000); },
          "data_batch_3.bin has 1000 bytes; expected whole records of 3073 bytes");
  damaged([](const fs::path& file) { std::fstream(file, std::ios::in | std::ios::out) << '\x0b'; },
          "data_batch_3.bin has label 11 in record 0");
  damaged([](const fs::path& file) { fs::resize_file(file, fs::file_size(file) + 3073); },
          "data_batch_3.bin has MD5 ");
}

CATCH_TEST_CASE("a test file that is a training file exits with 4") {
  const Folder folder;
  const auto copy = copy_of_subset(folder);
  fs::copy_file(copy / "data_batch_2.bin", copy / "test_batch.bin",
                fs::copy_options::overwrite_existing);
  check_refused(train(copy), 4, "test_batch.bin has the same bytes as data_batch_2.bin");
}

CATCH_TEST_CASE("data that may not be read exits with 4 and says why") {
  const auto as = without_privileges();
  if (!as) {
    CATCH_WARN("skipped: root, and setpriv cannot take its rights");
    return;
  }
  const Folder folder;
  const auto copy = copy_of_subset(folder);
  fs::permissions(copy / "data_batch_2.bin", fs::perms::none);
  check_refused(train(copy, "", *as), 4, "data_batch_2.bin cannot be opened (Permission denied)");
  fs::permissions(copy, fs::perms::none);
  check_refused(train(copy, "", *as), 4, "(Permission denied)");
  fs::permissions(copy, fs::perms::owner_all);  // so that it can be removed
}

CATCH_TEST_CASE("more wrong values, deep objects, names with paths") {
  const auto describe = [](const std::string& more) { return run("describe optimized " + more); };
  check_refused(describe("--set loading.batch_size=-1"), 3, "loading.batch_size is -1");
  check_refused(describe("--set loading.batch_size=2.5"), 3, "loading.batch_size is 2.5");
  check_refused(describe("--set precision.type=float64"), 3, "precision.type is \"float64\"");
  check_refused(describe("--set precision.type=bfloat16 --set precision.scaling=on"), 3,
                "gradient scaling is for float16");
  check_refused(describe("--device cpu --set precision.scaling=on"), 3,
                "precision.scaling is on, but Mixed chooses");
  check_refused(run("describe ../optimized"), 2, "there is no configuration '../optimized'");
  const Folder folder;
  const auto file = folder / "settings.json";
  const auto refused = [&](const std::string& content, int code, const std::string& part) {
    std::ofstream(file) << content;
    check_refused(describe("--config " + file.string()), code, part);
  };
  refused(R"({"policies": {"optimizer": {"lr": 1e999}}})", 3, "not finite");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"a":)";
  refused(deep, 3, "is nested deeper than");
  refused(R"({"name": "../x", "policies": {"optimizer": {"lr": 1}}})", 2,
          "there is no configuration '../x'");
}

CATCH_TEST_CASE("a worker that is late exits with 4, names the batch, and does not hang") {
  const auto result =
      run("train optimized --quiet --width 2 --epochs 1 --threads 1 --test-samples 50 "
          "--set loading.batch_size=4096 --set loading.timeout_seconds=1e-9" +
          data);
  check_refused(result, 4, "batch ");  // not delivered, or not even begun
  CATCH_CHECK_THAT(result.err,
                   Catch::Matchers::ContainsSubstring(" within 1e-09 seconds; expected it sooner"));
}

CATCH_TEST_CASE("what precision was chosen, and why, stands in the record of a run") {
  const Folder folder;
  const auto out = folder / "run";
  const auto result = run("train optimized --quiet --device cpu --stop-after-steps 1" + tiny +
                          "--set loading.batch_size=16 --out " + out.string());
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  const auto recorded = json::parse(text_of(out / "optimized" / "config.json"))["run"];
  const bool native = gradus::has_native_bfloat16(c10::kCPU);
  CATCH_CHECK(recorded["precision"] == (native ? "BFloat16" : "Float"));
  CATCH_CHECK_THAT(recorded["precision_reason"].get<std::string>(),
                   Catch::Matchers::ContainsSubstring(native ? "in bfloat16 natively"
                                                             : "no native 16-bit arithmetic"));
  const auto asked = json::parse(run("describe optimized --set precision.type=float16").out)["run"];
  CATCH_CHECK(asked["precision"] == "Half");
  CATCH_CHECK(asked["precision_reason"] == "float16 was asked for");
}

CATCH_TEST_CASE("a run whose numbers are lost exits with 6 and names the step") {
  check_refused(run("train unoptimized --set optimizer.lr=1e30" + tiny), 6,
                "the training loss is not finite at optimizer step ");
  // 3 steps; at this scale every float16 gradient overflows.
  const std::string scaled =
      "train optimized --set loading.batch_size=16 --set "
      "precision.type=float16 --set precision.initial_scale=1e30 " +
      tiny;
  check_refused(run(scaled + "--set guard.max_skipped=3"), 6,
                "the last 3 optimizer steps were all skipped");
  const Folder folder;
  const auto out = folder / "run";
  const auto skipped = run(scaled + "--out " + out.string());
  CATCH_INFO(skipped.err);
  CATCH_REQUIRE(skipped.code == 0);
  const auto metrics = text_of(out / "optimized" / "metrics.jsonl");
  CATCH_CHECK_THAT(metrics, Catch::Matchers::ContainsSubstring("\"skipped_steps\":3"));
  CATCH_CHECK_THAT(skipped.err, Catch::Matchers::ContainsSubstring("skipped 3 steps"));
  check_refused(run("train unoptimized --epochs 20 --set optimizer.lr=3 --set "
                    "guard.divergence=1.001" +
                    data + "--width 2 --train-samples 96 --test-samples 50 --threads 1"),
                6, "the training loss ");  // "has grown to", or "is not finite"
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
CATCH_TEST_CASE("a network that does not fit in memory exits with 7") {
  check_refused(run("describe unoptimized --device cpu --width 65536",
                    "sh -c 'ulimit -v 16000000; exec \"$@\"' sh"),
                7, "memory ran out; take smaller batches or a smaller width");
}
#endif

CATCH_TEST_CASE("a machine whose driver offers no device is one without") {
  check_refused(run("describe optimized --device cuda", "CUDA_VISIBLE_DEVICES="), 3,
                "device 'cuda' is not there");
  const auto chosen = run("describe optimized --device auto", "CUDA_VISIBLE_DEVICES=");
  CATCH_CHECK(json::parse(chosen.out)["run"]["device"] == "cpu");
}

CATCH_TEST_CASE("data that is not the official one is refused by --verify, and warned of without") {
  const Folder folder;
  write_full_size(folder.path());
  check_refused(train(folder.path(), "--verify"), 4, "data_batch_1.bin has MD5 ");
  const auto out = folder / "run";
  const auto result =
      run("train unoptimized --offline --width 2 --epochs 1 --threads 1 "
          "--train-samples 8 --test-samples 4 --data " +
          folder.path().string() + " --out " + out.string());
  CATCH_CHECK(result.code == 0);
  CATCH_CHECK_THAT(result.err, Catch::Matchers::ContainsSubstring("not the official records"));
  const auto config = json::parse(text_of(out / "unoptimized" / "config.json"));
  CATCH_CHECK_THAT(config["environment"]["data"].get<std::string>(),
                   Catch::Matchers::ContainsSubstring("not the official records"));
}

CATCH_TEST_CASE("what an exception means: code, sentence, and whether the device is lost") {
  const auto of = [](auto error) { return cifar10::failure_of(std::make_exception_ptr(error)); };
  const c10::SourceLocation here{__func__, __FILE__, __LINE__};
  const auto lost =
      of(c10::AcceleratorError(here, 710, "CUDA error: device-side assert triggered"));
  CATCH_CHECK(lost.code == gradus::ExitCode::resource);
  CATCH_CHECK(lost.device_lost);
  CATCH_CHECK_THAT(lost.sentence, Catch::Matchers::ContainsSubstring("device-side assert"));
  const auto full =
      of(c10::OutOfMemoryError(here, "CUDA out of memory. Tried to allocate 2.00 GiB."));
  CATCH_CHECK(full.code == gradus::ExitCode::resource);
  CATCH_CHECK_FALSE(full.device_lost);
  CATCH_CHECK_THAT(full.sentence, Catch::Matchers::ContainsSubstring("Tried to allocate 2.00 GiB"));
  CATCH_CHECK(of(std::bad_alloc()).code == gradus::ExitCode::resource);
  CATCH_CHECK(of(c10::Error(here,
                            "DefaultCPUAllocator: can't allocate memory: you tried to allocate "
                            "8 bytes."))
                  .code == gradus::ExitCode::resource);
  CATCH_CHECK(of(std::runtime_error("odd")).code == gradus::ExitCode::internal);
  CATCH_CHECK(of(gradus::NumericError("x")).code == gradus::ExitCode::numeric);
  CATCH_CHECK(of(7).code == gradus::ExitCode::internal);
}
