// The program as a person or a script meets it: a process, its exit code, what it prints and
// leaves.
#include "program.hpp"

#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/device/device.hpp>

#include <fstream>
#include <iterator>

using namespace gradus::test;

namespace {}  // namespace

CATCH_TEST_CASE("compare trains all three and leaves table, JSON, report, metrics and weights") {
  const Folder folder;
  const auto out = folder / "run";
  const auto result = run("compare" + tiny + small_batches + "--out " + out.string());
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  for (const auto* name : {"unoptimized", "optimized", "fastest"}) {
    CATCH_CHECK_THAT(result.out, Catch::Matchers::ContainsSubstring(name));
    CATCH_CHECK(fs::exists(out / name / "checkpoints" / "final.safetensors"));
    CATCH_CHECK(fs::file_size(out / name / "metrics.jsonl") > 0);
    const auto config = json::parse(text_of(out / name / "config.json"));
    CATCH_CHECK(config["run"]["seed"] == 0);
    CATCH_CHECK(config["environment"]["data_md5"].get<std::string>().size() == 32);
  }
  CATCH_CHECK(result.out.find('\033') == std::string::npos);
  CATCH_CHECK(result.err.find('\033') == std::string::npos);
  CATCH_CHECK(fs::file_size(out / "report.html") > 10'000);

  const auto comparison = json::parse(text_of(out / "comparison.json"));
  const auto& runs = comparison["runs"];
  CATCH_REQUIRE(runs.size() == 3);
  for (const auto* key :
       {"name", "device", "width", "parameters", "epochs", "test_accuracy", "train_seconds",
        "images_per_second", "optimizer_steps", "speedup", "time_to_baseline_accuracy"}) {
    CATCH_CHECK(runs[1].contains(key));
  }
  CATCH_CHECK(runs[0]["optimizer_steps"] == 24);  // 96 / 4
  CATCH_CHECK(runs[1]["optimizer_steps"] == 3);   // 96 / (16 x 2)
  CATCH_CHECK(runs[1]["epochs"].size() == 1);
}

CATCH_TEST_CASE(
    "train twice gives the same bits, and evaluate finds the accuracy that training reported") {
  const Folder folder;
  const auto train = [&](const std::string& name, const std::string& more) {
    const auto out = folder / name;
    const auto result = run("train optimized" + tiny + "--set optimized:loading.batch_size=16 " +
                            more + " --json --out " + out.string());
    CATCH_INFO(result.err);
    CATCH_REQUIRE(result.code == 0);
    const auto file = out / "optimized" / "checkpoints" / "final.safetensors";
    return std::tuple(json::parse(result.out), text_of(file), file);
  };
  const auto [first, bytes, file] = train("a", "");
  CATCH_CHECK(std::get<1>(train("b", "")) == bytes);
  const auto weights_of = [](const std::string& whole) {
    return whole.substr(whole.size() - 10'000);
  };
  CATCH_CHECK(weights_of(std::get<1>(train("c", "--set loading.workers=0"))) == weights_of(bytes));
  CATCH_CHECK(weights_of(std::get<1>(train("d", "--seed 1"))) != weights_of(bytes));

  const auto evaluated =
      run("evaluate " + file.string() + data + "--test-samples 50 --threads 1 --json");
  CATCH_INFO(evaluated.err);
  CATCH_REQUIRE(evaluated.code == 0);
  const auto accuracy = json::parse(evaluated.out);
  CATCH_CHECK(accuracy["test_accuracy"] == first["runs"][0]["test_accuracy"]);
  CATCH_CHECK(accuracy.count("test_accuracy_flipped") == 0);
  const auto flipped =
      run("evaluate " + file.string() + data + "--test-samples 50 --threads 1 --json --flip");
  CATCH_CHECK(json::parse(flipped.out)["test_accuracy"] == accuracy["test_accuracy"]);
  CATCH_CHECK(json::parse(flipped.out)["test_accuracy_flipped"].is_number());
  check_refused(run("evaluate " + file.string() + data + "--set optimizer.lr=3"), 3,
                "'optimizer.lr' changes no evaluation; leave it out");
  const auto shown = run("evaluate " + file.string() + data + "--set precision.type=float32");
  CATCH_CHECK_THAT(shown.out, Catch::Matchers::ContainsSubstring("optimized: accuracy ") &&
                                  Catch::Matchers::ContainsSubstring("% on 1,000 test images"));
  const auto config = folder / "a" / "optimized" / "config.json";
  const auto again = run("describe optimized --config " + config.string());
  CATCH_INFO(again.err);
  CATCH_REQUIRE(again.code == 0);
  CATCH_CHECK(json::parse(again.out)["policies"]["loading"]["batch_size"] == 16);
}

CATCH_TEST_CASE("export writes a checkpoint's model as ONNX, and --tensorboard event files") {
  const Folder folder;
  const auto out = folder / "run";
  const auto trained = run("train optimized --tensorboard" + tiny +
                           "--set optimized:loading.batch_size=16 --out " + out.string());
  CATCH_INFO(trained.err);
  CATCH_REQUIRE(trained.code == 0);
  const auto events = text_of(out / "optimized" / "events.out.tfevents.gradus");
  CATCH_CHECK(events.find("wrong/01 ") != std::string::npos);
  CATCH_CHECK(events.find("| airplane |") != std::string::npos);
  const auto checkpoint = out / "optimized" / "checkpoints" / "final.safetensors";
  const auto exported = [&](const std::string& more, const fs::path& file) {
    const auto result = run("export " + checkpoint.string() + more);
    CATCH_INFO(result.err);
    CATCH_REQUIRE(result.code == 0);
    return text_of(file);
  };
  const auto beside = fs::path(checkpoint).replace_extension(".onnx");
  const auto whole = exported("", beside);
  CATCH_CHECK_THAT(whole, Catch::Matchers::ContainsSubstring("stage1.norm1.running_mean"));
  CATCH_CHECK_THAT(whole, Catch::Matchers::ContainsSubstring("deviation"));
  // The run that was exported, not what the program would train now.
  CATCH_CHECK_THAT(whole, Catch::Matchers::ContainsSubstring("\"epochs\":1,"));
  const auto folded =
      exported(" --fold-norms --out " + (folder / "folded.onnx").string(), folder / "folded.onnx");
  // Those of the layer that is shared stay.
  CATCH_CHECK(folded.find("stage4.norm1.running_mean") == std::string::npos);
  CATCH_CHECK(folded.find("stage1.norm1.running_mean") != std::string::npos);
  const auto parted = folder / "parted.onnx";
  const auto sizes =
      run("export " + checkpoint.string() + " --weights-beside --json --out " + parted.string());
  CATCH_REQUIRE(sizes.code == 0);
  CATCH_CHECK(json::parse(sizes.out)["bytes"] ==
              fs::file_size(parted) + fs::file_size(parted.string() + ".data"));
  check_refused(run("export nowhere.safetensors"), 5, "nowhere.safetensors");
}

CATCH_TEST_CASE("what cannot be written to standard output exits with 7; a reader may leave") {
  const Folder folder;
  const auto described = [&](const std::string& to) {
    const auto command = "cd " + folder.path().string() +
                         " && { " GRADUS_PROGRAM " describe optimized; echo $? >code; } 2>err " +
                         to;
    CATCH_CHECK(std::system(command.c_str()) == 0);
    return text_of(folder / "code");
  };
  CATCH_CHECK(described(">/dev/full") == "7\n");
  CATCH_CHECK_THAT(text_of(folder / "err"),
                   Catch::Matchers::ContainsSubstring("Cannot write all of the result"));
  CATCH_CHECK(described(">out") == "0\n");
  CATCH_CHECK(described(">&-") == "0\n");
}

CATCH_TEST_CASE("record trains another network, whose first layer comes from the images") {
  const Folder folder;
  const auto out = folder / "run";
  const auto small = tiny + "--set loading.batch_size=16 ";
  const auto trained = run("train record --json" + small + "--out " + out.string());
  CATCH_INFO(trained.err);
  CATCH_REQUIRE(trained.code == 0);
  const auto checkpoint = (out / "record" / "checkpoints" / "final.safetensors").string();
  const auto reported = json::parse(trained.out)["runs"][0]["test_accuracy"];
  const auto evaluated = run("evaluate " + checkpoint + " --json" + data + "--test-samples 50");
  CATCH_INFO(evaluated.err);
  CATCH_REQUIRE(evaluated.code == 0);
  CATCH_CHECK(json::parse(evaluated.out)["test_accuracy"] == reported);
  const auto exported = run("export " + checkpoint + " --fold-norms");
  CATCH_INFO(exported.err);
  CATCH_CHECK(exported.code == 0);
  // It takes as many epochs as its aim does, if not told otherwise.
  CATCH_CHECK(json::parse(run("describe record").out)["run"]["epochs"] != 5);
  CATCH_CHECK(json::parse(run("describe record --epochs 5").out)["run"]["epochs"] == 5);
  check_refused(run("ablate record" + small), 2, "unoptimized, optimized and fastest");
}

CATCH_TEST_CASE("two runs without --out in the same second have a folder each") {
  const Folder folder;
  const std::string program = "cd " + folder.path().string() +
                              " && for i in 1 2 3; do " GRADUS_PROGRAM
                              " train unoptimized --quiet --offline --stop-after-steps 1" +
                              tiny + " & done; wait";
  CATCH_REQUIRE(std::system((program + " >/dev/null").c_str()) == 0);
  CATCH_CHECK(std::distance(fs::directory_iterator(folder / "runs"), {}) == 3);
}

CATCH_TEST_CASE(
    "describe prints axes, policies and numbers, and takes its own output as settings") {
  const Folder folder;
  for (const auto* name : {"unoptimized", "optimized", "fastest", "record"}) {
    const auto result = run("describe " + std::string(name));
    CATCH_REQUIRE(result.code == 0);
    const auto described = json::parse(result.out);
    CATCH_CHECK(described["policies"].size() == 22);
    CATCH_CHECK(described["policies"]["optimizer"].contains("lr"));
    std::ofstream(folder / "settings.json") << result.out;
    const auto again =
        run("describe " + std::string(name) + " --config " + (folder / "settings.json").string());
    CATCH_CHECK(again.out == result.out);
  }
  CATCH_CHECK(json::parse(run("describe unoptimized").out)["model"]["parameters"] == 4'903'242);
  CATCH_CHECK(json::parse(run("describe optimized").out)["model"]["parameters"] == 4'866'378);
}

CATCH_TEST_CASE("flags win over the environment, it over the settings file, it over the built-in") {
  const Folder folder;
  const auto file = folder / "settings.json";
  std::ofstream(file) << R"({"run": {"epochs": 7, "seed": 3, "width": 8},
                             "policies": {"optimizer": {"lr": 0.5}}})";
  const auto config = " --config " + file.string();
  const auto of = [&](const std::string& flags, const std::string& environment) {
    return json::parse(run("describe unoptimized" + config + flags, environment).out);
  };
  const auto described = of(" --seed 5 --set optimizer.lr=0.25", "GRADUS_EPOCHS=9 GRADUS_SEED=4");
  CATCH_CHECK(described["run"]["seed"] == 5);
  CATCH_CHECK(described["run"]["epochs"] == 9);
  CATCH_CHECK(described["run"]["width"] == 8);
  CATCH_CHECK(described["policies"]["optimizer"]["lr"] == 0.25);
  CATCH_CHECK(of("", "")["policies"]["optimizer"]["lr"] == 0.5);
}

CATCH_TEST_CASE("how the device may compute is a setting, and stands in config and comparison") {
  const auto described = json::parse(run("describe unoptimized --tf32 true").out)["run"];
  CATCH_CHECK(described["tf32"] == true);
  CATCH_CHECK(described["cudnn_benchmark"] == false);
  CATCH_CHECK(described["fused_norms"] == false);
  CATCH_CHECK(described["deterministic"] == false);
  CATCH_CHECK(json::parse(run("describe unoptimized", "GRADUS_CUDNN_BENCHMARK=true")
                              .out)["run"]["cudnn_benchmark"] == true);
  check_refused(run("describe unoptimized --tf32 on"), 3, "--tf32 is \"on\", but it takes true");
  check_refused(run("describe unoptimized --deterministic true --cudnn-benchmark true"), 3,
                "leave out one of them");
  const Folder folder;
  const auto out = folder / "run";
  const auto result = run("compare unoptimized fastest --deterministic true --stop-after-steps 2" +
                          tiny + "--set fastest:loading.batch_size=16 --out " + out.string());
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  const auto config = json::parse(text_of(out / "fastest" / "config.json"))["run"];
  CATCH_CHECK(config["deterministic"] == true);
  CATCH_CHECK(config["tf32"] == false);
  const auto comparison = json::parse(text_of(out / "comparison.json"));
  const auto& baseline = comparison["runs"][0]["configuration"]["run"];
  CATCH_CHECK(baseline["tf32"] == false);
  CATCH_CHECK(baseline["deterministic"] == true);
  CATCH_CHECK_THAT(baseline["float32"].get<std::string>(),
                   Catch::Matchers::ContainsSubstring("IEEE float32"));
  CATCH_CHECK_THAT(text_of(out / "report.html"), Catch::Matchers::ContainsSubstring("tf32"));
}

CATCH_TEST_CASE("unknown commands, configurations and flags exit with 2 and the nearest name") {
  check_refused(run("compar"), 2, "there is no command 'compar'; did you mean 'compare'?");
  check_refused(run(""), 2, "a command is missing");
  check_refused(run("describe optimised"), 2, "did you mean 'optimized'?");
  check_refused(run("describe optimized --epoch 3"), 2,
                "there is no flag '--epoch'; did you mean '--epochs'?");
  check_refused(run("describe optimized --set lr=3"), 2, "axis.field=value");
  check_refused(run("train optimized --resume"), 2, "name its folder too");
  check_refused(run("compare --stop-after-seconds 9"), 2,
                "compare does not read '--stop-after-seconds', a flag of train; leave it out");
  check_refused(run("compare", "GRADUS_STOP_AFTER_SECONDS=9"), 2, "is for `train`");
  check_refused(run("selfcheck optimized"), 2, "'optimized' was not expected");
}

CATCH_TEST_CASE("each command has the flags that it reads, and refuses the others") {
  const auto refused = [](const std::string& command, const std::string& part) {
    check_refused(run(command), 2, part);
  };
  refused(
      "evaluate x.safetensors --epochs 7",
      "evaluate does not read '--epochs', a flag of compare, ablate, train, describe, selfcheck");
  refused("evaluate x.safetensors --checkpoint-steps=3", "evaluate does not read");
  refused("export x.safetensors --width 8", "export does not read '--width'");
  refused("export x.safetensors --set optimizer.lr=1", "export does not read '--set'");
  refused("compare --checkpoint-steps 1", "a flag of train;");
  refused("describe optimized --out zz", "describe does not read '--out'");
  refused("describe optimized --stop-after-steps 3", "describe does not read");
  refused("train optimized --lr 0.1",
          "there is no flag '--lr'; numbers of policies are set by --set, such as --set "
          "optimizer.lr=0.1; see gradus-cifar10 train --help.");
}

CATCH_TEST_CASE("names and values that a command lacks, or has twice, exit with 2") {
  check_refused(run("train"), 2,
                "train needs a configuration: unoptimized, optimized, fastest or record.");
  check_refused(run("ablate"), 2, "unoptimized, optimized or fastest");
  check_refused(run("evaluate"), 2, "evaluate needs a checkpoint: a .safetensors file");
  check_refused(run("train optimized fastest"), 2, "takes one name, but got 'optimized' and");
  check_refused(run("train optimized --epochs"), 2, "'--epochs' needs a value; see");
  check_refused(run("train optimized --set --quiet"), 2, "'--set' needs a value; see");
  check_refused(run("train optimized --epochs 1 --epochs 2"), 2, "'--epochs' is given twice");
  check_refused(run("compare --json=maybe"), 2, "'--json' takes no value, but got '--json=maybe'");
}

CATCH_TEST_CASE("a misspelt variable is warned of; one for something else is not") {
  const auto warned = run("describe optimized", "GRADUS_EPOCS=9");
  CATCH_CHECK(warned.code == 0);
  CATCH_CHECK_THAT(warned.err, Catch::Matchers::ContainsSubstring(
                                   "GRADUS_EPOCS is not read; did you mean GRADUS_EPOCHS?"));
  CATCH_CHECK_THAT(run("describe optimized", "GRADUS_CIFAR1O=/data").err,
                   Catch::Matchers::ContainsSubstring("did you mean GRADUS_CIFAR10?"));
  CATCH_CHECK(run("describe optimized", "GRADUS_EPOCS=9 GRADUS_CACHE=c GRADUS_UPDATE_DOCS=1")
                  .err.find("UPDATE") == std::string::npos);
  CATCH_CHECK(run("describe optimized --quiet", "GRADUS_EPOCS=9").err.empty());
}

CATCH_TEST_CASE("wrong values and keys exit with 3") {
  const auto describe = [](const std::string& more) { return run("describe optimized " + more); };
  check_refused(describe("--set optimiser.lr=1"), 3, "did you mean 'optimizer'?");
  check_refused(describe("--set optimizer.rate=1"), 3,
                "'optimizer.rate' is not a setting of AdamW");
  check_refused(describe("--set optimizer.lr=-1"), 3, "optimizer.lr is -1");
  check_refused(describe("--set optimizer.lr=0"), 3, "optimizer.lr is 0");
  check_refused(describe("--set optimizer.lr=nan"), 3, "optimizer.lr is \"nan\"");
  check_refused(describe("--set schedule.max_lr=1e999"), 3, "schedule.max_lr is");
  check_refused(describe("--set loading.batch_size=0"), 3, "loading.batch_size is 0");
  check_refused(describe("--set accumulation.steps=0"), 3, "accumulation.steps is 0");
  check_refused(describe("--epochs 0"), 3, "--epochs is 0");
  check_refused(describe("--epochs many"), 3, "many");
  check_refused(describe("--width -3"), 3, "--width is -3");
  check_refused(describe("--device tpu"), 3, "device is 'tpu'");
  if (gradus::cuda_device_count() == 0) {
    check_refused(describe("--device cuda"), 3, "device 'cuda' is not there");
  }
  check_refused(describe("--device cuda:77"), 3, "device 'cuda:77' is not there");
  check_refused(run("train optimized --set accumulation.steps=1000" + tiny +
                    "--set optimized:loading.batch_size=16"),
                3, "accumulation.steps is 1000");
}

CATCH_TEST_CASE("a refused number is called what it was called where it was given") {
  check_refused(run("describe optimized --epochs many"), 3, "--epochs is \"many\"");
  check_refused(run("describe optimized", "GRADUS_EPOCHS=many"), 3, "GRADUS_EPOCHS is \"many\"");
  check_refused(run("describe optimized --width 70000"), 3, "at most 65536");
  check_refused(run("describe optimized --seed -1"), 3, "at least 0");
  check_refused(run("ablate optimized --seeds 2 --seed 18446744073709551615"), 3,
                "--seed is 18446744073709551615, but with --seeds 2 it takes at most");
}

CATCH_TEST_CASE("settings must be for what is trained") {
  check_refused(run("describe optimized --set fastest:optimizer.lr=1"), 3,
                "'optimizer.lr' is set for fastest, but this command is about optimized");
  check_refused(run("compare --set loading.workers=4" + tiny), 3, "--set NAME:loading.workers=");
  check_refused(run("describe optimized --set fastets:optimizer.lr=1"), 2,
                "did you mean 'fastest'?");
  const Folder folder;
  const auto file = (folder / "settings.json").string();
  std::ofstream(file) << R"({"configurations": {"fastest": {"loading": {"batch_size": 0}}}})";
  check_refused(run("describe optimized --config " + file), 3, "loading.batch_size is 0");
}

CATCH_TEST_CASE("--demo leaves no room for numbers that it chooses itself") {
  check_refused(run("compare --demo --width 8"), 2, "leave out either --demo or those");
  check_refused(run("compare --demo", "GRADUS_EPOCHS=3"), 2, "leave out either --demo or those");
}

CATCH_TEST_CASE("bytes that are not UTF-8 are shown as such, never an internal error") {
  const std::string bytes = "$(printf '\\377')";
  check_refused(run("describe optimized --set optimizer.lr=" + bytes), 3, "optimizer.lr is \"\xef");
  check_refused(run("describe optimized", "GRADUS_WIDTH=" + bytes), 3, "GRADUS_WIDTH is");
  const auto result = run("train unoptimized --json --stop-after-steps 1 --out " + bytes + tiny);
  CATCH_INFO(result.err);
  CATCH_CHECK(result.code == 0);
  CATCH_CHECK_FALSE(json::parse(result.out, nullptr, false).is_discarded());
}

CATCH_TEST_CASE("a settings file that is broken, deep, doubled, large or unknown exits with 3") {
  const Folder folder;
  const auto refused = [&](const std::string& content, const std::string& part) {
    const auto file = folder / "settings.json";
    std::ofstream(file) << content;
    check_refused(run("describe optimized --config " + file.string()), 3, part);
  };
  refused("{\"run\": ", "is not JSON");
  refused(std::string(100'000, '['), "is nested deeper than");
  refused(R"({"run": {"seed": 1, "seed": 2}})", "twice");
  refused(std::string((1 << 20) + 1, ' '), "over 1 MiB");
  refused(R"({"runs": {}})", "did you mean 'run'?");
  refused(R"({"run": {"epoch": 1}})", "did you mean 'epochs'?");
  refused(R"({"run": {"epochs": "5"}})", "run.epochs is \"5\"");
  refused("\"\xff\"", "is not JSON");
  refused("[]", "takes an object");
  check_refused(run("describe optimized --config nowhere.json"), 3, "cannot be read");
}

CATCH_TEST_CASE("missing, damaged or impossible data exits with 4") {
  const auto train = [](const fs::path& folder) {
    return run("train unoptimized --quiet --data " + folder.string());
  };
  check_refused(train("nowhere"), 4, "nowhere");
  const auto damaged = [&](auto&& damage, const std::string& part) {
    const Folder folder;
    const auto copy = copy_of_subset(folder);
    damage(copy / "data_batch_3.bin");
    check_refused(train(copy), 4, part);
  };
  damaged([](const fs::path& file) { fs::remove(file); }, "data_batch_3.bin");
  damaged([](const fs::path& file) { fs::resize_file(file, 1000); }, "data_batch_3.bin");
  damaged([](const fs::path& file) { fs::resize_file(file, fs::file_size(file) + 3073); },
          "data_batch_3.bin");
  damaged([](const fs::path& file) { fs::resize_file(file, 0); }, "data_batch_3.bin");
  damaged([](const fs::path& file) { std::fstream(file, std::ios::in | std::ios::out) << '\x0b'; },
          "data_batch_3.bin");
  check_refused(run("train unoptimized --quiet --train-samples 9999999" + data), 4,
                "--train-samples");
  check_refused(run("train optimized --quiet --train-samples 10 --width 2" + data), 4, "batch");
}

CATCH_TEST_CASE("a checkpoint that is missing or damaged exits with 5") {
  const Folder folder;
  check_refused(run("evaluate nowhere.safetensors" + data), 5, "nowhere.safetensors");
  std::ofstream(folder / "bad.safetensors") << "PK";
  check_refused(run("evaluate " + (folder / "bad.safetensors").string() + data), 5,
                "not a whole safetensors file");
  const auto with_metadata = [&](const std::string& configuration) {
    const auto file = folder / "made.safetensors";
    gradus::write_safetensors(file, {{{"configuration", configuration}}, {}});
    return run("evaluate " + file.string() + data);
  };
  check_refused(with_metadata("no JSON"), 5, "in another form than expected");
  check_refused(with_metadata(R"({"name": "optimized", "run": {"width": "16"}, "policies": {}})"),
                5, "in another form than expected");
  check_refused(with_metadata(R"({"name": "gone", "run": {"width": 16}, "policies": {}})"), 5,
                "not known here");
  check_refused(with_metadata(R"({"name": "optimized", "run": {"width": 0}, "policies": {}})"), 5,
                "impossible width");
  check_refused(with_metadata(R"({"name": "optimized", "run": {"width": 16},
                                  "policies": {"optimizer": {"lr": -1}}})"),
                5, "optimizer.lr is -1");
}

CATCH_TEST_CASE(
    "an output folder that holds something exits with 3, one that cannot be made with 7") {
  const Folder folder;
  std::ofstream(folder / "file") << "x";
  check_refused(run("train unoptimized --quiet --out " + folder.path().string() + data), 3,
                "is not empty, and nothing is overwritten");
  check_refused(
      run("train unoptimized --quiet --out " + (folder / "file" / "deeper").string() + data), 7,
      "Cannot write ");
  check_refused(run("train unoptimized --quiet --out /proc/gradus" + data), 7,
                "Cannot write /proc/gradus: ");
}
