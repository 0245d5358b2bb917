// selfcheck: on this machine everything holds, and what does not hold is told.
#include "program.hpp"
#include "selfcheck/check.hpp"
#include <gradus/data/image_dataset.hpp>
#include <gradus/device/device.hpp>
#include <gradus/error.hpp>

#include <algorithm>
#include <stdexcept>

using namespace gradus::test;
using namespace cifar10::checks;

CATCH_TEST_CASE("selfcheck checks, compares, and leaves one file to send back") {
  const Folder folder;
  const auto out = folder / "checked";
  const auto result =
      run("selfcheck --width 2 --epochs 1 --train-samples 512 --test-samples 50 --threads 1 "
          "--device cpu --set fastest:loading.batch_size=16 --set optimized:loading.batch_size=16" +
          data + "--out " + out.string());
  CATCH_INFO(result.err << result.out);
  CATCH_REQUIRE(result.code == 0);
  CATCH_CHECK_THAT(result.out,
                   Catch::Matchers::ContainsSubstring("holds    a float32 run follows"));
  CATCH_CHECK_THAT(result.out, Catch::Matchers::ContainsSubstring("not run  cuDNN is there"));
  CATCH_CHECK_THAT(result.err, Catch::Matchers::ContainsSubstring("CUDA was not checked"));
  CATCH_CHECK_THAT(result.err, Catch::Matchers::ContainsSubstring("To send back: "));

  const auto file = json::parse(text_of(out / "selfcheck.json"));
  CATCH_CHECK(file["holds"] == true);
  CATCH_CHECK(file["failed"].empty());
  CATCH_CHECK(file["device"] == "cpu");
  for (const auto* key : {"gradus", "libtorch", "commit", "processor", "native_bfloat16"}) {
    CATCH_CHECK(file["environment"].contains(key));
  }
  CATCH_CHECK(file["comparison"]["runs"].size() == 3);
  CATCH_CHECK(file["comparison"]["runs"][1]["speedup"].is_number());
  int held = 0;
  for (const auto& check : file["checks"]) {
    CATCH_CHECK_FALSE(check["figure"].get<std::string>().empty());
    held += check["result"] == "holds" ? 1 : 0;
    if (check["group"] == "CUDA") CATCH_CHECK(check["result"] == "not run");
  }
  CATCH_CHECK(held >= 14);
}

namespace {

const cifar10::TrainingData& no_data() {
  static const gradus::data::ImageDataset one(at::zeros({1, 1, 1, 1}, at::kByte),
                                              at::zeros({1}, at::kLong),
                                              {.mean = {0.0F}, .deviation = {1.0F}});
  static const cifar10::TrainingData sets{one, one};
  return sets;
}

std::vector<Finding> findings_of(const Checks& checks) {
  return run_checks(checks, {{}, c10::kCPU, no_data()}, [](const std::string&) {});
}

const Checks mixed{
    {"one", "this holds", [](const Subject&) { return holds_if(true, "1 of 1"); }},
    {"one", "this is broken", [](const Subject&) { return holds_if(false, "0 of 1", {{"a", 0}}); }},
    {"two", "this throws",
     [](const Subject&) -> Outcome { throw std::runtime_error("the kernel is missing"); }},
    {"two", "this cannot be tried",
     [](const Subject&) { return not_run("there is no such device"); }}};

}  // namespace

CATCH_TEST_CASE("a check that fails or throws is told as failed, and the others still run") {
  const auto findings = findings_of(mixed);
  const auto told = to_json(findings);
  CATCH_CHECK(told["holds"] == false);
  CATCH_CHECK(told["failed"] == json({"this is broken", "this throws"}));
  CATCH_REQUIRE(told["checks"].size() == 4);
  CATCH_CHECK(told["checks"][0]["result"] == "holds");
  CATCH_CHECK(told["checks"][1]["result"] == "fails");
  CATCH_CHECK(told["checks"][1]["measured"]["a"] == 0);
  CATCH_CHECK(told["checks"][2]["result"] == "fails");
  CATCH_CHECK(told["checks"][2]["figure"] == "the kernel is missing");
  CATCH_CHECK(told["checks"][3]["result"] == "not run");
  const auto text = table(findings);
  CATCH_CHECK_THAT(text, Catch::Matchers::ContainsSubstring("fails    this is broken"));
  CATCH_CHECK_THAT(text, Catch::Matchers::ContainsSubstring("the kernel is missing"));
  try {
    throw_if_failed(findings, "file.json");
    CATCH_FAIL("expected a CheckError");
  } catch (const gradus::CheckError& error) {
    CATCH_CHECK(static_cast<int>(error.code()) == 9);
    CATCH_CHECK(std::string(error.what()) ==
                "2 of 4 checks failed: 'this is broken', 'this throws'; send back file.json, which "
                "holds every figure.");
  }
}

CATCH_TEST_CASE("what was not run is no failure") {
  const auto findings = findings_of({mixed[0], mixed[3]});
  CATCH_CHECK(to_json(findings)["holds"] == true);
  CATCH_CHECK_NOTHROW(throw_if_failed(findings, "file.json"));
}

CATCH_TEST_CASE("the checks of CUDA are listed everywhere and not run without it") {
  if (gradus::cuda_device_count() > 0) return;
  const auto findings = findings_of(cuda_checks());
  CATCH_CHECK(findings.size() == 3);
  CATCH_CHECK(std::all_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.outcome.verdict == Verdict::not_run;
  }));
}
