// What each policy of a configuration contributes, as the program finds it.
#include "program.hpp"

using namespace gradus::test;

CATCH_TEST_CASE("ablate trains a configuration without each of its policies, over several seeds") {
  const Folder folder;
  const auto out = folder / "run";
  const auto result = run("ablate optimized --seeds 2 --json" + tiny +
                          "--set loading.batch_size=16 --out " + out.string());
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  const auto found = json::parse(result.out);
  CATCH_CHECK(found == json::parse(text_of(out / "ablation.json")));
  CATCH_CHECK(found["configuration"] == "optimized");
  CATCH_CHECK(found["test_accuracy"]["values"].size() == 2);
  std::vector<std::string> left_out;
  for (const auto& left : found["left_out"]) {
    left_out.push_back(left["policy"]);
    const auto& accuracy = left["test_accuracy"]["values"];
    const auto& gained = left["accuracy_contributed"]["values"];
    for (std::size_t i = 0; i < 2; ++i) {
      const double whole = found["test_accuracy"]["values"][i];
      CATCH_CHECK(gained[i].get<double>() == whole - accuracy[i].get<double>());
    }
  }
  CATCH_CHECK(left_out == std::vector<std::string>{"Mixed", "Accumulate", "AdamW", "OneCycle",
                                                   "ShareEarlyLayer", "Prefetch", "CropFlip",
                                                   "ChannelsLast", "CrossEntropy",
                                                   "IdentityStart"});
  // Without Accumulate a step is a batch; the settings of the axis that is left out are passed
  // over.
  const auto lines = text_of(out / "without-Accumulate" / "seed-1" / "metrics.jsonl");
  CATCH_CHECK_THAT(lines, Catch::Matchers::ContainsSubstring("\"optimizer_steps\":6"));
  const auto config = json::parse(text_of(out / "without-AdamW" / "seed-0" / "config.json"));
  CATCH_CHECK(config["policies"]["optimizer"]["policy"] == "SGD");
  CATCH_CHECK_THAT(text_of(out / "ablation.md"), Catch::Matchers::ContainsSubstring(" ± "));
  const auto page = text_of(out / "report.html");
  for (const auto& policy : left_out)
    CATCH_CHECK_THAT(page, Catch::Matchers::ContainsSubstring("<th>" + policy + "<small>"));
  CATCH_CHECK_THAT(page, Catch::Matchers::ContainsSubstring(" ± "));
  CATCH_CHECK_THAT(page, Catch::Matchers::ContainsSubstring("data md5"));
  CATCH_CHECK(page.find("http-equiv=\"refresh\"") == std::string::npos);
}

CATCH_TEST_CASE("ablate refuses what it cannot do in a sentence") {
  check_refused(run("ablate optimised"), 2, "did you mean 'optimized'?");
  check_refused(run("ablate optimized --seeds 0"), 3, "--seeds is 0");
  check_refused(run("ablate optimized --set schedule.max_lr=-1" + tiny), 3,
                "schedule.max_lr is -1");
}
