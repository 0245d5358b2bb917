// Ending and continuing a run from the command line: stops, signals, kill -9, and what is refused.
#include "program.hpp"
#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/device/device.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

using namespace gradus::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;

namespace {

/// What equal bits take: on CUDA they are to be asked for.
std::string equal_bits() { return gradus::cuda_device_count() > 0 ? " --deterministic true" : ""; }

/// Runs `script` in `folder`, where $P is the program and $ARGS what makes a run of 24 steps.
Result shell(const Folder& folder, const std::string& script, const std::string& configuration,
             const std::string& more = "") {
  const auto at = folder.path().string();
  std::ofstream(folder / "script")
      << "P=" GRADUS_PROGRAM "\nC=" << configuration << "\nARGS='" << data << " --threads 1"
      << equal_bits() << "'\nSIZE='--width 2 "
      << "--train-samples 128 --test-samples 50 " << more << "'\n"
      << script;
  // $P may have been refused: then nobody waits for its files.
  const auto command = "cd " + at + " && env -u GRADUS_CIFAR10 sh ./script >out 2>err";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(folder / "out"),
          text_of(folder / "err")};
}

const std::string batches = "--set loading.batch_size=8";

/// More options of a configuration, so that it has 24 steps or more, and the same kernels in each
/// process.
std::string options_of(const std::string& configuration) {
  if (configuration == "unoptimized") return "";
  return configuration == "fastest" ? batches + " --set kernels.ways=large_tiles" : batches;
}

bool same_weights(const Folder& folder, const std::string& run, const std::string& other,
                  const std::string& configuration) {
  const auto weights = [&](const std::string& name) {
    return gradus::read_safetensors(folder /
                                    (name + "/" + configuration + "/checkpoints/final.safetensors"))
        .tensors;
  };
  return std::ranges::equal(weights(run), weights(other), [](const auto& a, const auto& b) {
    return a.name == b.name && a.tensor.equal(b.tensor);
  });
}

/// Without the seconds, which differ from run to run.
std::vector<json> metrics_of(const Folder& folder, const std::string& run,
                             const std::string& configuration) {
  std::vector<json> lines;
  std::ifstream file(folder / (run + "/" + configuration + "/metrics.jsonl"));
  for (std::string text; std::getline(file, text);) {
    lines.push_back(json::parse(text));
    lines.back().erase("train_seconds");
    lines.back().erase("waiting_seconds");
    lines.back().erase("peak_memory");
  }
  return lines;
}

void check_same_run(const Folder& folder, const std::string& configuration) {
  CATCH_CHECK(same_weights(folder, "part", "whole", configuration));
  CATCH_CHECK(metrics_of(folder, "part", configuration) ==
              metrics_of(folder, "whole", configuration));
}

const std::string whole = "$P train $C $ARGS $SIZE --epochs 3 --quiet --out whole || exit 90\n";
const std::string resume = "$P train $C $ARGS --quiet --resume --out part || exit 91\n";
/// Starts a run in the background and waits until it has saved.
const std::string begin =
    "$P train $C $ARGS $SIZE --epochs 400 --checkpoint-steps 1 --quiet --out part & PID=$!\n"
    "until ls part/$C/checkpoints/step-* >/dev/null 2>&1; do kill -0 $PID || exit 99; sleep 0.02; "
    "done\n";

}  // namespace

CATCH_TEST_CASE(
    "every configuration resumes from any step, with other workers, as if never stopped") {
  for (const std::string configuration : {"unoptimized", "optimized", "fastest"}) {
    const Folder folder;
    const bool workers = configuration != "unoptimized";
    const auto result = shell(
        folder,
        whole +
            "$P train $C $ARGS $SIZE --epochs 3 --quiet --out part --stop-after-steps 1 || exit "
            "92\n"
            "for N in 5 8 11; do $P train $C $ARGS --quiet --resume --out part "
            "--stop-after-steps $N || exit 92; done\n" +
            (workers ? "$P train $C $ARGS --quiet --resume --out part --set loading.workers=3 "
                       "--set loading.ahead=1 || exit 93\n"
                     : resume),
        configuration, options_of(configuration));
    CATCH_INFO(configuration << ": " << result.err);
    CATCH_REQUIRE(result.code == 0);
    check_same_run(folder, configuration);
  }
}

CATCH_TEST_CASE(
    "SIGTERM and SIGINT save and exit with 75; the run resumes with the same bits [row 72]") {
  for (const std::string signal : {"TERM", "INT"}) {
    const Folder folder;
    const auto result = shell(
        folder,
        "$P train $C $ARGS $SIZE --epochs 30 --quiet --out whole || exit 90\n"
        "$P train $C $ARGS $SIZE --epochs 30 --checkpoint-steps 3 --quiet --out part & PID=$!\n"
        "until ls part/$C/checkpoints/step-* >/dev/null 2>&1; do kill -0 $PID || exit 99; sleep "
        "0.02; done\n"
        "kill -" +
            signal + " $PID; wait $PID; echo code $?\n" + resume,
        "optimized", batches);
    CATCH_INFO(result.err);
    CATCH_REQUIRE(result.code == 0);
    CATCH_CHECK_THAT(result.out, ContainsSubstring("code 75"));
    CATCH_CHECK_THAT(result.err, ContainsSubstring("stopped by SIG" + signal +
                                                   ", with everything "
                                                   "saved; resume with: ") &&
                                     ContainsSubstring("train optimized --resume --out part"));
    check_same_run(folder, "optimized");
  }
}

CATCH_TEST_CASE("a second signal ends the program at once, and nothing is damaged [row 73]") {
  const Folder folder;
  const auto result = shell(folder,
                            begin +
                                "kill -TERM $PID; kill -TERM $PID; wait $PID; echo code $?\n"
                                "$P train $C $ARGS --resume --quiet --out part "
                                "--stop-after-seconds 1; echo code $?\n",
                            "optimized", batches);
  CATCH_INFO(result.err << result.out);
  // Two signals so close together may be one to the system.
  CATCH_CHECK_THAT(result.out, ContainsSubstring("code 143\n") || ContainsSubstring("code 75\n"));
  CATCH_CHECK_THAT(result.out, ContainsSubstring("code 75\n"));
}

CATCH_TEST_CASE("a run outlives its terminal and the reader of its output [rows 74, 75]") {
  const Folder folder;
  const auto result = shell(
      folder,
      "$P train $C $ARGS $SIZE --epochs 20 --checkpoint-steps 1 --out part >closed 2>said & "
      "PID=$!\n"
      "until ls part/$C/checkpoints/step-* >/dev/null 2>&1; do kill -0 $PID || exit 99; sleep "
      "0.02; done\n"
      "kill -HUP $PID; kill -PIPE $PID; wait $PID; echo code $?\n"
      "$P train $C $ARGS $SIZE --epochs 3 --out other 2>said | true; ls other/$C/checkpoints\n"
      "$P train $C $ARGS $SIZE --epochs 3 --quiet --out third >&-; echo code $?\n",
      "optimized", batches);
  CATCH_INFO(result.err << result.out);
  CATCH_CHECK_THAT(result.out, ContainsSubstring("code 0\n"));
  CATCH_CHECK_THAT(result.out, ContainsSubstring("final.safetensors"));
  CATCH_CHECK_THAT(text_of(folder / "said"), !ContainsSubstring("\x1b"));
  CATCH_CHECK(same_weights(folder, "third", "other", "optimized"));
}

CATCH_TEST_CASE("what a run was told about saving holds when it resumes") {
  const Folder folder;
  const auto result =
      shell(folder,
            "$P train $C $ARGS $SIZE --epochs 3 --quiet --out part --keep-checkpoints "
            "4 --checkpoint-steps 1 --checkpoint-seconds 0 --stop-after-steps 6 || "
            "exit 90\n"
            "$P train $C --data " GRADUS_SUBSET
            " --resume --quiet --out part || exit 91\n"
            "ls part/$C/checkpoints | grep -c step-\n",
            "optimized", batches);
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  CATCH_CHECK_THAT(result.out, ContainsSubstring("\n4\n") || ContainsSubstring("\n5\n"));
  const auto config = json::parse(text_of(folder / "part/optimized/config.json"))["run"];
  CATCH_CHECK(config["threads"] == 1);
  CATCH_CHECK(config["keep_checkpoints"] == 4);
  CATCH_CHECK(config["checkpoint_steps"] == 1);
}

CATCH_TEST_CASE("a run whose last save failed does not say that everything is saved") {
  const Folder folder;
  const auto result = shell(folder,
                            begin +
                                "ln -sf train.log part/$C/train.log  # a loop\n"
                                "kill -TERM $PID; wait $PID; echo code $?\n",
                            "optimized", batches + " --continue-unsaved");
  CATCH_INFO(result.err << result.out);
  CATCH_CHECK_THAT(result.out, ContainsSubstring("code 7\n"));
  CATCH_CHECK_THAT(result.err, ContainsSubstring("but was not saved: Cannot write ") &&
                                   ContainsSubstring("and its state could not be saved"));
}

CATCH_TEST_CASE("stopped with nobody left to read, a run exits with 75 all the same") {
  const Folder folder;
  const auto result =
      shell(folder,
            "( sh -c 'echo $$ >pid; exec \"$@\"' sh $P train $C $ARGS $SIZE --epochs 4000 --quiet "
            "--checkpoint-steps 1 --out part 2>&1; echo code $? >code ) | true &\n"
            "until ls part/$C/checkpoints/step-* >/dev/null 2>&1; do sleep 0.02; done\n"
            "kill -TERM $(cat pid); wait; cat code\n",
            "optimized", batches);
  CATCH_INFO(result.err << result.out);
  CATCH_CHECK_THAT(result.out, ContainsSubstring("code 75\n"));
}

CATCH_TEST_CASE("a wall-clock limit saves and exits with 75; the command that it prints resumes") {
  const Folder folder;
  const auto result = shell(folder,
                            "$P train $C $ARGS $SIZE --epochs 4000 --quiet --out \"my brother's\" "
                            "--stop-after-seconds 2; echo code $?\n"
                            "ls my*/$C/checkpoints\n"
                            "eval \"$(sed -n 's/.*resume with: //p' err) --stop-after-seconds 1\"\n"
                            "echo code $?\n",
                            "optimized", batches);
  CATCH_INFO(result.err << result.out);
  CATCH_CHECK_THAT(result.out, ContainsSubstring("code 75\n") && ContainsSubstring("step-0") &&
                                   EndsWith("code 75\n"));
  CATCH_CHECK_THAT(result.err, ContainsSubstring("--stop-after-seconds"));
  CATCH_CHECK_THAT(result.err, !ContainsSubstring("restarts"));
  CATCH_CHECK_THAT(text_of(folder / "my brother's/optimized/config.json"),
                   ContainsSubstring("--out 'my brother'\\\\''s'"));
}

CATCH_TEST_CASE("killed at any time, a run resumes to the same bits [row 54]") {
  const char* asked = std::getenv("GRADUS_KILLS");  // 200 for the record, see docs/durability.md
  const int kills = asked == nullptr ? 6 : std::atoi(asked);
  const Folder folder;
  const auto result =
      shell(folder,
            "$P train $C $ARGS $SIZE --epochs 30 --quiet --out whole || exit 90\n"
            "N=0; SEED=0; while [ $N -lt " +
                std::to_string(kills) +
                " ]; do\n"
                "  [ -e part/$C/checkpoints/final.safetensors ] && rm -rf part && echo again\n"
                "  [ -e part/$C/config.json ] || rm -rf part\n"
                "  if [ -e part ]; then $P train $C $ARGS --checkpoint-steps 1 --quiet --resume "
                "--out part & PID=$!\n"
                "  else $P train $C $ARGS $SIZE --epochs 30 --checkpoint-steps 1 --quiet --out "
                "part & PID=$!; fi\n"
                "  SEED=$((SEED + 1))\n"
                "  sleep $(awk -v seed=$SEED 'BEGIN { srand(seed); print 0.1 + 1.5 * rand() }')\n"
                "  kill -KILL $PID; wait $PID; CODE=$?\n"
                "  [ $CODE -eq 137 ] && N=$((N + 1))\n"
                "  [ $CODE -eq 137 ] || [ $CODE -eq 0 ] || exit $CODE\n"
                "done\n"
                "rm -f part/$C/checkpoints/final.safetensors\n"
                "[ -e part/$C/config.json ] || rm -rf part\n"
                "[ -e part ] || $P train $C $ARGS $SIZE --epochs 30 --quiet --out part "
                "--stop-after-steps 1\n" +
                resume,
            "optimized", batches);
  CATCH_INFO(result.err << result.out);
  CATCH_REQUIRE(result.code == 0);
  check_same_run(folder, "optimized");
}

CATCH_TEST_CASE(
    "what cannot be resumed is refused, each in a sentence and with its code [rows 30, 46, 56]") {
  const Folder folder;
  const auto refused = [&](const std::string& script, int code, const std::string& words) {
    const auto result = shell(folder, script + "\n", "optimized", batches);
    CATCH_INFO(script << ": " << result.err);
    CATCH_CHECK(result.code == code);
    CATCH_CHECK_THAT(result.err, ContainsSubstring(words));
  };
  CATCH_REQUIRE(
      shell(folder, "$P train $C $ARGS $SIZE --epochs 3 --quiet --out part --stop-after-steps 9\n",
            "optimized", batches)
          .code == 0);
  const std::string again = "$P train $C $ARGS --quiet --resume ";
  refused("$P train $C $ARGS $SIZE --quiet --out part", 3,
          "'part' is not empty, and nothing is overwritten; name a new folder, or add --resume");
  refused(again, 2, "name its folder too");
  refused(again + "--out none", 3, "is not a folder");
  refused("$P train fastest $ARGS --resume --out part", 5, "holds no run of fastest");
  refused(again + "--out part --init-from x", 2, "exclude each other");
  refused(again + "--out part --set optimizer.lr=0.5", 5, "policies.optimizer.lr was ");
  refused(again + "--out part --epochs 4", 5, "run.epochs was 3, is 4");
  refused(again + "--out part --seed 1", 5, "run.seed was 0, is 1");
  refused(again + "--out part --train-samples 96", 5, "trained on other data: 128 samples");
  refused("flock part/$C/checkpoints/lock " + again + "--out part", 7, "is in use by another run");
  refused(
      "cp part/$C/checkpoints/step-000000009.safetensors kept; "
      "for F in part/$C/checkpoints/step-*; do head -c 1000 kept > $F; done; " +
          again + "--out part",
      5, "no checkpoint in ");
  refused("cp kept part/$C/checkpoints/step-000000009.safetensors; " + again +
              "--out part --test-samples 40 --stop-after-steps 9",
          5, "evaluated on other data: 50 samples");
  refused(again + "--out part --test-samples 40", 5, "The flag for it is --allow-other-data.");
  refused(again + "--out part --train-samples 96 --allow-other-data", 5,
          "8 optimizer steps a pass over 128 samples, but would have 6 over the 96");
  refused(again + "--out part --test-samples 40 --allow-other-data --stop-after-steps 9", 0, "");
}

/// Leaves the run in $S as it was when it had not saved yet.
const std::string forget =
    "forget() { rm -f $S/step-* $S/final*\n"
    "  echo '{\"begin\": {\"metrics.jsonl\": 0, \"train.log\": 0}}' >$S/checkpoints.json; }\n";

CATCH_TEST_CASE("where nothing was saved yet, --resume restarts and says with which numbers") {
  const Folder folder;
  const auto result =
      shell(folder,
            "mkdir run; $P train $C $ARGS $SIZE --epochs 3 --resume --out run "
            "--stop-after-steps 1 || exit 90\n"
            "S=run/$C/checkpoints\n" +
                forget +
                "forget; GRADUS_EPOCHS=9 $P train $C $ARGS --resume --out run --stop-after-steps 1 "
                "|| exit 91\n",
            "optimized", batches);
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  const std::string restart =
      "Nothing is saved yet in run/optimized: the run restarts from step 0, with the ";
  CATCH_CHECK_THAT(
      result.err,
      ContainsSubstring(restart + "numbers that are given now.") &&
          ContainsSubstring(restart + "numbers of its config.json and those that are given now."));
  CATCH_CHECK(json::parse(text_of(folder / "run/optimized/config.json"))["run"]["epochs"] == 3);
}

CATCH_TEST_CASE("a run that restarts has the weights that it began with") {
  const Folder folder;
  const auto result =
      shell(folder,
            "$P train $C $ARGS $SIZE --quiet --out first --stop-after-steps 1 || exit 90\n"
            "W=first/$C/checkpoints/final.safetensors\n"
            "$P train $C $ARGS $SIZE --epochs 3 --quiet --init-from $W --out whole || exit 91\n"
            "$P train $C $ARGS $SIZE --epochs 3 --quiet --init-from $W --out part "
            "--stop-after-steps 1 || exit 92\n"
            "S=part/$C/checkpoints\n" +
                forget + "forget; cd first; $P train $C $ARGS --resume --out ../part || exit 93\n",
            "optimized", batches);
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  CATCH_CHECK_THAT(result.err, ContainsSubstring("restarts from step 0 from the weights /"));
  check_same_run(folder, "optimized");
}

CATCH_TEST_CASE("a run that is over, or was never saved, is not restarted in its folder") {
  const Folder folder;
  const auto result =
      shell(folder,
            "$P train $C $ARGS $SIZE --quiet --out run --stop-after-steps 1 || exit 90\n"
            "cp run/$C/metrics.jsonl before; rm run/$C/checkpoints/step-*\n"
            "$P train $C $ARGS --resume --out run; echo code $?\n"
            "cmp before run/$C/metrics.jsonl || exit 91\n"
            "$P compare $C $ARGS $SIZE --quiet --epochs 1 --out both >table || exit 92\n"
            "rm both/$C/checkpoints/final.safetensors\n"
            "$P train $C $ARGS --resume --out both; echo code $?\n",
            "optimized", batches);
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  CATCH_CHECK_THAT(result.out, ContainsSubstring("code 5\ncode 5\n"));
  CATCH_CHECK_THAT(result.err, ContainsSubstring("is over, and there is no checkpoint of it") &&
                                   ContainsSubstring("was not saved while it trained"));
}

CATCH_TEST_CASE("weights that are not finite are not begun with, unless asked for [row 48]") {
  const Folder folder;
  const auto train = [&](const std::string& more) {
    return shell(folder, "$P train $C $ARGS $SIZE --quiet " + more + "\n", "optimized", batches);
  };
  CATCH_REQUIRE(train("--out run --stop-after-steps 1").code == 0);
  auto weights = gradus::read_safetensors(folder / "run/optimized/checkpoints/final.safetensors");
  weights.tensors.back().tensor.fill_(NAN);  // the first are counts
  gradus::write_safetensors(folder / "bad.safetensors", weights);
  auto result = train("--init-from bad.safetensors --out a");
  CATCH_CHECK(result.code == 6);
  CATCH_CHECK_THAT(result.err,
                   ContainsSubstring(weights.tensors.back().name + "' is not finite in /"));
  result = train("--init-from bad.safetensors --out b --allow-not-finite");
  CATCH_CHECK(result.code == 6);
  CATCH_CHECK_THAT(result.err, ContainsSubstring("loss is not finite at optimizer step 8"));
}

CATCH_TEST_CASE(
    "a run can begin with the weights of another, and a checkpoint of a run be evaluated") {
  const Folder folder;
  const auto result = shell(
      folder,
      "$P train $C $ARGS $SIZE --quiet --out part --stop-after-steps 9 || exit 90\n"
      "S=part/$C/checkpoints\n"
      "$P evaluate $S/step-000000009.safetensors $ARGS --test-samples 50 --json >run.json || exit "
      "91\n"
      "$P evaluate $S/final.safetensors $ARGS --test-samples 50 --json >final.json || exit 92\n"
      "$P train $C $ARGS $SIZE --quiet --out next --init-from $S/final.safetensors "
      "--stop-after-steps 1 --set schedule.max_lr=1e-9 || exit 93\n"
      "$P evaluate next/$C/checkpoints/final.safetensors $ARGS --test-samples 50 --json "
      ">next.json\n"
      "$P train $C $ARGS --width 4 --init-from $S/final.safetensors --out wide; echo code $?\n"
      "$P train $C $ARGS --init-from none --out missing; echo code $?\n",
      "optimized", batches);
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  const auto accuracy = [&](const char* file) {
    return json::parse(text_of(folder / file))["test_accuracy"].get<double>();
  };
  CATCH_CHECK(accuracy("run.json") == accuracy("final.json"));
  CATCH_CHECK(json::parse(text_of(folder / "next.json")).contains("test_accuracy"));
  CATCH_CHECK_THAT(result.out, ContainsSubstring("code 5\ncode 5\n"));
}
