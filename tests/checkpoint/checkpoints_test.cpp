// Saving and resuming a run in the library: what is kept, what is refused, and what it costs.
#include "../semantics/runs.hpp"
#include "catch.hpp"
#include "folder.hpp"
#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/checkpoint/weights.hpp>
#include <gradus/policy/optimizer/grouped.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/train/run/run_configuration.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace gradus;
using namespace semantics;
using Catch::Matchers::ContainsSubstring;
using gradus::test::Folder;
using gradus::test::text_of;
namespace fs = std::filesystem;

namespace {

using Small = Run<AdamW, EMA>;

Small small(RunSettings run = two_epochs, const Small::policies_type& policies = {}) {
  return Small(small_net(), run, policies);
}

std::vector<std::string> files_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

/// What the run of 6 steps ends with.
at::Tensor uninterrupted() {
  auto trainer = small();
  trainer.fit(noise(20), noise(8));
  return weights(trainer);
}

/// Begins the run and leaves the checkpoint of step 2.
void half_a_run(const fs::path& folder) {
  auto run = two_epochs;
  run.stop_after_steps = 2;
  auto trainer = small(run);
  Checkpoints checkpoints(trainer, folder);
  trainer.fit(noise(20), noise(8), checkpoints);
}

template <class T>
std::string refusal(T& trainer, const fs::path& folder,
                    const data::ImageDataset& train = noise(20)) {
  Checkpoints checkpoints(trainer, folder);
  try {
    checkpoints.resume(train, noise(8));
    return "";
  } catch (const CheckpointError& error) {
    return error.what();
  }
}

}  // namespace

CATCH_TEST_CASE("a run resumes from its folder, with all records, as if it had never stopped") {
  const Folder folder;
  half_a_run(folder.path());
  auto trainer = small();
  Checkpoints checkpoints(trainer, folder.path());
  const auto manifest = checkpoints.resume(noise(20), noise(8));
  CATCH_REQUIRE(manifest);
  CATCH_CHECK(manifest->at("step") == 2);
  CATCH_CHECK(manifest->at("gradus") == version);
  struct {
    std::vector<std::int64_t> steps;
    std::int64_t begun_at = 0;
    void on(const FitBegin& event) { begun_at = event.steps_done; }
    void on(const StepEnd& event) { steps.push_back(event.step); }
  } recorder;
  const auto history = trainer.fit(noise(20), noise(8), recorder, checkpoints);
  CATCH_CHECK(recorder.begun_at == 2);
  CATCH_CHECK(recorder.steps == std::vector<std::int64_t>{3, 4, 5, 6});
  CATCH_CHECK(history.epochs.size() == 2);
  CATCH_CHECK(history.end == RunEnd::whole);
  CATCH_CHECK(weights(trainer).equal(uninterrupted()));

  // A run that is over has nothing to do, and the same to say.
  auto again = small();
  Checkpoints over(again, folder / "elsewhere");
  CATCH_CHECK_FALSE(over.resume(noise(20)));
}

CATCH_TEST_CASE("a run that is over resumes to its records and weights") {
  const Folder folder;
  History first;
  {
    auto trainer = small();
    Checkpoints checkpoints(trainer, folder.path());
    first = trainer.fit(noise(20), noise(8), checkpoints);
  }
  auto trainer = small();
  Checkpoints checkpoints(trainer, folder.path());
  CATCH_REQUIRE(checkpoints.resume(noise(20), noise(8)));
  const auto history = trainer.fit(noise(20), noise(8), checkpoints);
  CATCH_REQUIRE(history.epochs.size() == first.epochs.size());
  for (std::size_t i = 0; i < first.epochs.size(); ++i) {
    CATCH_CHECK(history.epochs[i].train_loss == first.epochs[i].train_loss);
    CATCH_CHECK(history.epochs[i].train_seconds == first.epochs[i].train_seconds);
    CATCH_CHECK(history.epochs[i].test->correct == first.epochs[i].test->correct);
    CATCH_CHECK(history.epochs[i].samples == first.epochs[i].samples);
    CATCH_CHECK_FALSE(history.epochs[i].test_flipped);
  }
  CATCH_CHECK(weights(trainer).equal(uninterrupted()));
}

CATCH_TEST_CASE("a run that its stopping policy has ended stays ended") {
  using Ending = Run<AdamW, Preset<EarlyStop{.patience = 1, .min_delta = 1e9}>>;
  const Folder folder;
  auto run = two_epochs;
  run.epochs = 9;
  std::size_t epochs = 0;
  for (int time = 0; time < 2; ++time) {
    Ending trainer(small_net(), run);
    Checkpoints checkpoints(trainer, folder.path());
    checkpoints.resume(noise(20), noise(8));
    const auto history = trainer.fit(noise(20), noise(8), checkpoints);
    CATCH_CHECK(history.epochs.size() < 9);
    CATCH_CHECK((time == 0 || history.epochs.size() == epochs));
    epochs = history.epochs.size();
  }
}

CATCH_TEST_CASE("a request or the clock ends a run after its step, with everything saved") {
  const auto expected = uninterrupted();
  struct AsksAt {
    StopRequest* request;
    std::int64_t step;
    void on(const StepEnd& event) const {
      if (event.step == step) request->ask();
    }
  };
  for (const std::int64_t step : {1, 3, 5}) {
    const Folder folder;
    StopRequest request;
    auto run = two_epochs;
    run.stop = &request;
    auto trainer = small(run);
    {
      Checkpoints checkpoints(trainer, folder.path());
      AsksAt asks{&request, step};
      const auto history = trainer.fit(noise(20), noise(8), asks, checkpoints);
      CATCH_CHECK(history.end == RunEnd::interrupted);
    }
    auto resumed = small();
    Checkpoints checkpoints(resumed, folder.path());
    CATCH_CHECK(checkpoints.resume(noise(20), noise(8))->at("step") == step);
    resumed.fit(noise(20), noise(8), checkpoints);
    CATCH_CHECK(weights(resumed).equal(expected));
  }
  auto run = two_epochs;
  run.stop_after_seconds = 1e-6;
  auto trainer = small(run);
  CATCH_CHECK(trainer.fit(noise(20), noise(8)).end == RunEnd::interrupted);
  run.stop_after_seconds = 0;
  CATCH_CHECK_THROWS_AS(small(run), ConfigurationError);
}

CATCH_TEST_CASE("a request in the middle of an evaluation ends it, and it is made again") {
  struct AsksInEvaluation {
    data::ImageDataset set;
    StopRequest* request;
    std::int64_t after;
    mutable std::int64_t batches = 0;
    [[nodiscard]] std::int64_t size() const { return set.size(); }
    [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
      if (++batches == after) request->ask();
      return set.batch(indices);
    }
  };
  const Folder folder;
  StopRequest request;
  auto run = two_epochs;
  run.stop = &request;
  run.evaluation_batch_size = 2;
  run.sanity_samples = 0;
  using Plainly = Trainer<ResNet10, Preset<Plain{.batch_size = 4}>, AdamW>;
  Plainly trainer(small_net(), run);
  {
    Checkpoints checkpoints(trainer, folder.path());
    const AsksInEvaluation held{noise(8), &request, 2};
    const auto history = trainer.fit(noise(20), held, checkpoints);
    CATCH_CHECK(history.end == RunEnd::interrupted);
    CATCH_CHECK(history.epochs.empty());
  }
  request.clear();
  Plainly resumed(small_net(), run);
  Checkpoints checkpoints(resumed, folder.path());
  const AsksInEvaluation held{noise(8), &request, /*after=*/0};  // never
  checkpoints.resume(noise(20), held);
  const auto history = resumed.fit(noise(20), held, checkpoints);
  Plainly whole(small_net(), run);
  const auto expected = whole.fit(noise(20), noise(8));
  CATCH_CHECK(history.epochs.size() == 2);
  CATCH_CHECK(history.epochs[0].test->loss == expected.epochs[0].test->loss);
  CATCH_CHECK(weights(resumed).equal(weights(whole)));
}

CATCH_TEST_CASE("the newest and the best are kept, and the index names them") {
  const Folder folder;
  auto run = two_epochs;
  run.epochs = 4;
  auto trainer = small(run);
  Checkpoints checkpoints(trainer, folder.path(), {.every_steps = 1, .keep_last = 2});
  const auto history = trainer.fit(noise(20), noise(8), checkpoints);
  const auto best = std::ranges::min_element(
      history.epochs, {}, [](const EpochRecord& record) { return record.test->loss; });
  const auto index = nlohmann::json::parse(text_of(folder / "checkpoints.json"));
  CATCH_CHECK(index["newest"] == "step-000000012.safetensors");
  CATCH_CHECK(index["best"]["step"] == 3 * best->epoch);
  CATCH_CHECK(index["best"]["figure"] == best->test->loss);
  auto files = files_in(folder.path());
  std::erase_if(files, [](const std::string& name) { return !name.starts_with("step-"); });
  CATCH_CHECK(files.size() <= 3);
  CATCH_CHECK(files.back() == "step-000000012.safetensors");
  CATCH_CHECK(fs::exists(folder / index["best"]["file"].get<std::string>()));
}

CATCH_TEST_CASE("what is not a number, is damaged or is of other data is not the best") {
  const Folder folder;
  CheckpointFolder saves(folder / "saves");
  const auto best_after = [&](std::int64_t step, double value) {
    write_file(saves.file_of(step), "weights");
    saves.written(step, value, /*keep_last=*/1);
    const auto index = nlohmann::json::parse(text_of(saves.path() / "checkpoints.json"));
    return index.contains("best") ? index["best"]["step"].get<int>() : 0;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CATCH_CHECK(best_after(1, nan) == 0);
  CATCH_CHECK(best_after(2, 0.5) == 2);
  CATCH_CHECK(best_after(3, nan) == 2);
  CATCH_CHECK(best_after(4, 0.3) == 4);
  CATCH_CHECK(saves.set_aside(4).extension() == ".damaged");
  CATCH_CHECK(best_after(5, 0.4) == 5);

  // The value of a run is not compared with that of another held-out set.
  const auto best_with = [&](const data::ImageDataset& held_out) {
    const auto path = folder / std::to_string(held_out.size());
    half_a_run(path);
    auto index = nlohmann::json::parse(text_of(path / "checkpoints.json"));
    index["best"] = {
        {"file", index["newest"]}, {"step", 2}, {"monitor", "loss"}, {"figure", -100.0}};
    write_file(path / "checkpoints.json", index.dump());
    auto run = two_epochs;
    run.allow_other_data = true;
    auto trainer = small(run);
    Checkpoints checkpoints(trainer, path);
    checkpoints.resume(noise(20), held_out);
    trainer.fit(noise(20), held_out, checkpoints);
    index = nlohmann::json::parse(text_of(path / "checkpoints.json"));
    return index["best"]["step"].get<int>();
  };
  CATCH_CHECK(best_with(noise(8)) == 2);
  CATCH_CHECK(best_with(noise(9)) > 2);
}

CATCH_TEST_CASE(
    "a number that an older run did not have is taken for the one that changes nothing") {
  using Groups = Grouped<Preset<Muon{.normalize_weights = true}>, GroupWith<AdamW>{}>;
  const auto refused = [](auto policies, const char* axis, const char* name) {
    Run<Groups> trainer(small_net(), two_epochs, policies);
    auto before = run_configuration(trainer);
    CATCH_REQUIRE(before["policies"][axis].erase(name) == 1);
    try {
      refuse_differences(before, run_configuration(trainer), unset_configuration(trainer));
    } catch (const CheckpointError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  Run<Groups>::policies_type policies;
  CATCH_CHECK(refused(policies, "guard", "spike").empty());
  CATCH_CHECK(refused(policies, "optimizer", "group1.optimizer.beta1").empty());
  // A Preset's value is none that was there before.
  CATCH_CHECK_THAT(
      refused(policies, "optimizer", "normalize_weights"),
      ContainsSubstring("policies.optimizer.normalize_weights was not there, is true"));
  policies.at<slot::optimizer>().optimizer.normalize_weights = false;
  CATCH_CHECK(refused(policies, "optimizer", "normalize_weights").empty());
  policies.at<slot::guard>().spike = 7;
  CATCH_CHECK_THAT(refused(policies, "guard", "spike"),
                   ContainsSubstring("policies.guard.spike was not there, is 7"));
}

CATCH_TEST_CASE(
    "another configuration or other data is refused with the difference, and nothing "
    "changes [rows 40 to 46]") {
  const Folder folder;
  half_a_run(folder.path());
  const auto unchanged = [&](auto&& make, const std::string& words,
                             const data::ImageDataset& train = noise(20)) {
    auto trainer = make();
    const auto before = weights(trainer);
    CATCH_CHECK_THAT(refusal(trainer, folder.path(), train), ContainsSubstring(words));
    CATCH_CHECK(weights(trainer).equal(before));
  };
  unchanged(
      [] {
        Small::policies_type policies;
        policies.at<slot::optimizer>().lr = 0.5;
        return small(two_epochs, policies);
      },
      "policies.optimizer.lr was 0.001, is 0.5");
  unchanged(
      [] {
        auto run = two_epochs;
        run.epochs = 3;
        run.seed = 4;
        return small(run);
      },
      "run.seed was 3, is 4; run.epochs was 2, is 3");
  unchanged([] { return Run<SGD, EMA>(small_net(), two_epochs); },
            R"(policies.optimizer.policy was "AdamW", is "SGD")");
  unchanged([] { return Run<AdamW>(small_net(), two_epochs); }, "policies.averaging");
  unchanged([] { return Small(ResNet10(ResNet10Options{.width = 8}), two_epochs); },
            "model.parameters was ");
  unchanged([] { return small(); }, "trained on other data: 20 samples", noise(16));
  auto other = noise(20);
  other.images().view({-1})[17] += 1;
  unchanged([] { return small(); }, "trained on other data", other);

  auto run = two_epochs;
  run.limit_test_batches = 1;
  unchanged([&] { return small(run); }, "run.limit_test_batches was null, is 1");
  {
    auto trainer = small();
    Checkpoints checkpoints(trainer, folder.path());
    CATCH_CHECK_THROWS_WITH(checkpoints.resume(noise(20), noise(7)),
                            ContainsSubstring("the run was evaluated on other data: 8 samples"));
  }
  run = two_epochs;
  run.allow_other_data = true;
  auto allowed = small(run);
  CATCH_CHECK(refusal(allowed, folder.path(), other).empty());
  unchanged([&] { return small(run); },
            "3 optimizer steps a pass over 20 samples, but would have 4 over the 32", noise(32));

  Small::policies_type faster;  // how batches are read is no matter
  faster.at<slot::loading>().workers = 5;
  faster.at<slot::loading>().ahead = 1;
  auto same = small(two_epochs, faster);
  CATCH_CHECK(refusal(same, folder.path()).empty());
}

CATCH_TEST_CASE(
    "a state with a tensor too much, too little or of another form is refused whole "
    "[rows 40 to 44]") {
  auto source = small();
  source.fit(noise(20));
  const auto entries = source.save_state().entries();
  const auto refused = [&](const std::function<void(std::vector<NamedTensor>&)>& change,
                           const std::string& words) {
    auto changed = entries;
    change(changed);
    auto trainer = small();
    const auto before = trainer.save_state();
    try {
      trainer.load_state(StateDict(changed));
      CATCH_FAIL("expected a CheckpointError");
    } catch (const CheckpointError& error) {
      CATCH_CHECK_THAT(error.what(), ContainsSubstring(words));
    }
    const auto after = trainer.save_state();
    for (std::size_t i = 0; i < before.entries().size(); ++i) {
      CATCH_CHECK(before.entries()[i].tensor.equal(after.entries()[i].tensor));
    }
  };
  const auto named = [](std::vector<NamedTensor>& list, const std::string& name) {
    return std::ranges::find_if(list, [&](const auto& entry) { return entry.name == name; });
  };
  const std::string moment = "policy/optimizer/first_moment.0";
  CATCH_REQUIRE(std::ranges::any_of(entries, [&](const auto& e) { return e.name == moment; }));
  refused([&](auto& list) { list.erase(named(list, moment)); }, "has no 'first_moment.0'");
  refused([&](auto& list) { list.push_back({"policy/optimizer/more", torch::ones(1)}); },
          "'more', which this run does not have");
  refused([&](auto& list) { list.push_back({"policy/schedule/best", torch::ones(1)}); },
          "which this run does not have");
  refused([&](auto& list) { named(list, moment)->tensor = torch::ones(1); }, "but this run has");
  refused(
      [&](auto& list) { named(list, moment)->tensor = named(list, moment)->tensor.to(at::kHalf); },
      "is Half");
  refused([&](auto& list) { named(list, "policy/averaging/average.0")->tensor = torch::ones(1); },
          "but this run has");
  refused([&](auto& list) { list.push_back({"averaged_buffer/99", torch::ones(1)}); },
          "which this run does not have");
  refused([&](auto& list) { list.push_back({"averaged_buffer/0", torch::ones(7)}); },
          "but this run has");
  refused([&](auto& list) { list.erase(named(list, "buffer/stem_norm.running_mean")); },
          "has no 'buffer/stem_norm.running_mean'");
  refused([&](auto& list) { named(list, "order")->tensor = torch::tensor(std::int64_t{1}); },
          "in another order");
}

CATCH_TEST_CASE(
    "weights that are not finite are neither saved nor loaded, unless asked for "
    "[rows 48, 63]") {
  const Folder folder;
  struct Spoils {
    Small* trainer;
    void on(const StepEnd& event) const {
      const at::NoGradGuard no_grad;
      if (event.step == 2) unique_buffers(**&trainer->model())[0].tensor.fill_(NAN);
    }
  };
  const auto spoilt_run = [&](bool allow) {
    auto trainer = small();
    Checkpoints checkpoints(trainer, folder.path(), {.every_steps = 2, .allow_not_finite = allow});
    Spoils spoils{&trainer};
    trainer.fit(noise(20), spoils, checkpoints);
  };
  CATCH_CHECK_THROWS_AS(spoilt_run(false), NumericError);
  auto files = files_in(folder.path());
  CATCH_CHECK(std::ranges::none_of(files, [](auto& name) { return name.starts_with("step-"); }));
  spoilt_run(true);
  auto trainer = small();
  {
    Checkpoints checkpoints(trainer, folder.path());
    CATCH_CHECK_THROWS_AS(checkpoints.resume(noise(20)), NumericError);
  }
  Checkpoints checkpoints(trainer, folder.path(), {.allow_not_finite = true});
  CATCH_CHECK(checkpoints.resume(noise(20)));
}

CATCH_TEST_CASE("one folder has one owner, and what a killed save has left goes [rows 55, 56]") {
  const Folder folder;
  std::ofstream(folder / "step-000000009.safetensors.unfinished-77") << "x";
  auto trainer = small();
  Checkpoints checkpoints(trainer, folder.path());
  CATCH_CHECK_FALSE(fs::exists(folder / "step-000000009.safetensors.unfinished-77"));
  CATCH_CHECK_THROWS_AS(Checkpoints(trainer, folder.path()), ResourceError);
}

CATCH_TEST_CASE(
    "a newer format, weights alone, and a folder without a whole file are refused "
    "[rows 45, 47]") {
  const Folder folder;
  half_a_run(folder.path());
  const auto file = folder / "step-000000002.safetensors";
  auto run = read_run(file);
  run.manifest["format"] = run_file_format + 1;
  run.manifest["gradus"] = "9.0.0";
  write_run(file, run);
  auto trainer = small();
  CATCH_CHECK_THAT(refusal(trainer, folder.path()),
                   ContainsSubstring("has format 3, but this gradus reads up to 2") &&
                       ContainsSubstring("9.0.0"));
  CATCH_CHECK_THROWS_WITH(load_weights(*trainer.model(), read_safetensors(file)),
                          ContainsSubstring("has format 3"));
  run.manifest["format"] = 1;
  run.manifest["gradus"] = "0.0.9";
  write_run(file, run);
  CATCH_CHECK_THAT(refusal(trainer, folder.path()),
                   ContainsSubstring("in format 1, but this gradus resumes format 2") &&
                       ContainsSubstring("0.0.9"));
  CATCH_CHECK_NOTHROW(load_weights(*trainer.model(), read_safetensors(file)));
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  write_safetensors(file, {.metadata = {{"gradus", R"({"format":1,"x":)" + deep + "}"}},
                           .tensors = run.state.entries()});
  CATCH_CHECK_THAT(refusal(trainer, folder.path()), ContainsSubstring("in another form"));
  save_weights(*trainer.model(), file, {});
  CATCH_CHECK_THAT(refusal(trainer, folder.path()), ContainsSubstring("holds no run of gradus"));
  std::ofstream(file) << "x";
  CATCH_CHECK_THAT(refusal(trainer, folder.path()), ContainsSubstring("no checkpoint in "));
}

CATCH_TEST_CASE("only what is damaged is passed over: a newer format, or a file not read, is not") {
  const Folder folder;
  half_a_run(folder.path());
  auto run = read_run(folder / "step-000000002.safetensors");
  run.manifest["format"] = run_file_format + 1;
  const auto newest = folder / "step-000000005.safetensors";
  write_run(newest, run);
  auto trainer = small();
  CATCH_CHECK_THAT(refusal(trainer, folder.path()), ContainsSubstring("has format 3"));
  fs::remove(newest);
  fs::create_directory(newest);
  CATCH_CHECK_THAT(refusal(trainer, folder.path()), ContainsSubstring("is a folder"));
  CATCH_CHECK(fs::exists(newest));
}

CATCH_TEST_CASE("a run that ends where an epoch does is judged under its own step") {
  const Folder folder;
  auto run = two_epochs;
  run.stop_after_steps = 3;  // an epoch
  for (int time = 0; time < 2; ++time) {
    auto trainer = small(run);
    Checkpoints checkpoints(trainer, folder.path(), {.keep_last = 1});
    CATCH_CHECK(checkpoints.resume(noise(20), noise(8)).has_value() == (time == 1));
    const auto history = trainer.fit(noise(20), noise(8), checkpoints);
    CATCH_CHECK(history.end == RunEnd::limit);
    CATCH_CHECK(history.epochs.size() == 1);
  }
  auto trainer = small();
  Checkpoints checkpoints(trainer, folder.path(), {.keep_last = 1});
  CATCH_REQUIRE(checkpoints.resume(noise(20), noise(8)));
  CATCH_CHECK(trainer.fit(noise(20), noise(8), checkpoints).epochs.size() == 2);
  CATCH_CHECK(weights(trainer).equal(uninterrupted()));
  auto files = files_in(folder.path());
  std::erase_if(files, [](const std::string& name) { return !name.starts_with("step-"); });
  CATCH_CHECK(files.back() == "step-000000006.safetensors");
  CATCH_CHECK(files.front() >= "step-000000003.safetensors");
}

CATCH_TEST_CASE("an epoch that was judged already is not judged again at a limit") {
  const Folder folder;
  {
    auto trainer = small();
    struct Breaks {
      void on(const StepEnd& event) const {
        if (event.step == 4) throw std::runtime_error("as if killed");
      }
    } breaks;
    Checkpoints checkpoints(trainer, folder.path());
    CATCH_CHECK_THROWS_WITH(trainer.fit(noise(20), noise(8), checkpoints, breaks), "as if killed");
  }
  auto run = two_epochs;
  run.stop_after_steps = 3;
  auto trainer = small(run);
  Checkpoints checkpoints(trainer, folder.path());
  CATCH_CHECK(checkpoints.resume(noise(20), noise(8))->at("step") == 3);
  const auto history = trainer.fit(noise(20), noise(8), checkpoints);
  CATCH_CHECK(history.epochs.size() == 1);
  CATCH_CHECK(history.end == RunEnd::limit);
}

CATCH_TEST_CASE("a run does not begin among the checkpoints of another") {
  const Folder folder;
  half_a_run(folder.path());
  auto trainer = small();
  Checkpoints checkpoints(trainer, folder.path());
  CATCH_CHECK_THROWS_WITH(trainer.fit(noise(20), noise(8), checkpoints),
                          ContainsSubstring("holds checkpoints of another run"));
}

CATCH_TEST_CASE("files that grow are cut to what is known of them, and no further") {
  const Folder folder;
  const auto file = folder / "metrics.jsonl";
  const auto write = [&](const std::string& text) { std::ofstream(file, std::ios::app) << text; };
  std::string said;
  const auto resumed = [&](std::vector<fs::path> files) {
    auto trainer = small();
    Checkpoints checkpoints(
        trainer, folder / "saved",
        {.files = std::move(files), .announce = [&](const std::string& line) { said = line; }});
    return checkpoints.resume(noise(20), noise(8)).has_value();
  };
  write("other runs\n");
  CATCH_CHECK_FALSE(resumed({file}));
  write("of a run that was killed before it saved\n");
  CATCH_CHECK_FALSE(resumed({file}));
  CATCH_CHECK(text_of(file) == "other runs\n");

  half_a_run(folder / "saved");  // which knows of no file
  write("more\n");
  CATCH_CHECK(resumed({file}));
  CATCH_CHECK(text_of(file) == "other runs\nmore\n");

  {
    auto trainer = small();
    Checkpoints checkpoints(trainer, folder / "saved", {.files = {file}});
    checkpoints.resume(noise(20), noise(8));
    trainer.fit(noise(20), noise(8), checkpoints);
  }
  CATCH_CHECK(said.empty());
  fs::remove(file);
  CATCH_CHECK(resumed({file}));
  CATCH_CHECK_THAT(said, ContainsSubstring("metrics.jsonl has lost lines"));
}

CATCH_TEST_CASE("what an exception has ended is resumed when its last save is there") {
  const Folder folder;
  struct Ends {
    void on(const StepEnd& event) const {
      if (event.step == 4) throw std::runtime_error("enough");
    }
  } ends;
  auto trainer = small();
  // The epoch's save of step 3 would put off that of step 4 where the disk is slow.
  Checkpoints checkpoints(trainer, folder.path(), {.every_epochs = 0, .every_steps = 4});
  CATCH_CHECK_THROWS_WITH(trainer.fit(noise(20), noise(8), checkpoints, ends), "enough");
  CATCH_CHECK(checkpoints.resume(noise(20), noise(8))->at("step") == 4);
  trainer.fit(noise(20), noise(8), checkpoints);
  CATCH_CHECK(weights(trainer).equal(uninterrupted()));
}

CATCH_TEST_CASE("a file that grows need not be there yet when the run is saved") {
  const Folder folder;
  struct Late {
    fs::path file;
    void on(const EpochEnd& event) const {
      std::ofstream(file, std::ios::app) << event.record.epoch << std::endl;
    }
  } late{folder / "log.csv"};
  auto trainer = small();
  Checkpoints checkpoints(trainer, folder / "run", {.every_steps = 1, .files = {late.file}});
  CATCH_CHECK(trainer.fit(noise(20), noise(8), late, checkpoints).end == RunEnd::whole);
  CATCH_CHECK(checkpoints.saved());
  CATCH_CHECK(text_of(late.file) == "1\n2\n");
}

CATCH_TEST_CASE("a failed save can be announced instead, and the run continues [row 50]") {
  const Folder folder;
  fs::create_symlink("loop", folder / "loop");
  auto trainer = small();
  std::vector<std::string> said;
  Checkpoints checkpoints(trainer, folder / "run",
                          {.every_steps = 1,
                           .on_failure = OnSaveFailure::warn,
                           .files = {folder / "loop"},
                           .announce = [&](const std::string& line) { said.push_back(line); }});
  CATCH_CHECK(trainer.fit(noise(20), noise(8), checkpoints).end == RunEnd::whole);
  CATCH_CHECK_FALSE(checkpoints.saved());
  CATCH_REQUIRE_FALSE(said.empty());
  CATCH_CHECK_THAT(said[0],
                   ContainsSubstring("the run continues, but was not saved: Cannot write ") &&
                       ContainsSubstring("Too many levels of symbolic links"));
}

CATCH_TEST_CASE("the weights of a run are taken over into another one") {
  const Folder folder;
  half_a_run(folder.path());
  auto trainer = small();
  auto model = small_net();
  const auto file = read_safetensors(folder / "step-000000002.safetensors");
  load_weights(*model, file);
  trainer.load_state(StateDict(file.tensors));
  for (std::size_t i = 0; i < named_state(*model).size(); ++i) {
    CATCH_CHECK(named_state(*model)[i].tensor.equal(named_state(*trainer.model())[i].tensor));
  }
}

CATCH_TEST_CASE("plans with impossible numbers are refused") {
  const auto refused = [](const CheckpointPlan& plan) {
    CATCH_CHECK_THROWS_AS(checked(plan), ConfigurationError);
  };
  refused({.every_epochs = -1});
  refused({.every_steps = -1});
  refused({.every_seconds = -1});
  refused({.every_seconds = std::numeric_limits<double>::quiet_NaN()});
  refused({.keep_last = 0});
  refused({.files = {"a/log.txt", "b/log.txt"}});
}
