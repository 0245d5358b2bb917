// The report of a run while it trains.
#include "catch.hpp"
#include "support.hpp"
#include <gradus/data/tensor_dataset.hpp>
#include <gradus/observe/live_report.hpp>
#include <gradus/observe/run_record.hpp>
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/train/trainer.hpp>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace observe = gradus::observe;
namespace fs = std::filesystem;
using namespace gradus;
using observe_test::contains;
using observe_test::Folder;
using observe_test::text_of;

namespace {

constexpr auto reload = "http-equiv=\"refresh\" content=\"10\"";

EpochEnd epoch_end(std::int64_t number) {
  return {
      .record = {.epoch = number,
                 .train_loss = 1.0,
                 .train_seconds = 4,
                 .samples = 1000,
                 .optimizer_steps = 10,
                 .test = Evaluation{.samples = 100, .counted = 100, .correct = 60, .loss = 1.0}},
      .epochs = 3,
      .learning_rate = 0.1};
}

/// A clock that is set by hand.
struct Hands {
  double now = 0;
  [[nodiscard]] observe::Clock clock() {
    return [this] { return now; };
  }
};

struct NetImpl : torch::nn::Module {
  torch::nn::Linear layer = register_module("layer", torch::nn::Linear(4, 2));
  at::Tensor forward(const at::Tensor& x) { return layer(x); }
};
TORCH_MODULE(Net);

auto points() {
  torch::manual_seed(3);
  const auto x = torch::randn({64, 4});
  return data::TensorDataset(Batch{x, (x.select(1, 0) > 0).to(torch::kLong)});
}

}  // namespace

CATCH_TEST_CASE("the page says how far the run is and reloads itself, until it is over",
                "[observe]") {
  const Folder folder;
  const auto page = folder / "run" / "report.html";
  Hands hands;
  observe::LiveReport report(page, {.name = "mine"}, {}, hands.clock());
  report.on(
      FitBegin{.epochs = 3, .steps_per_epoch = 10, .samples_per_epoch = 1000, .measured = {}});
  CATCH_CHECK(contains(text_of(page), "<h1>mine is in epoch 1 of 3.</h1>"));
  for (std::int64_t step = 1; step <= 10; ++step) {
    hands.now += 0.4;
    report.on(StepEnd{.epoch = 1,
                      .step = step,
                      .total_steps = 30,
                      .samples = 100 * step,
                      .train_seconds = hands.now,
                      .train_loss = {},
                      .warning = {}});
  }
  report.on(epoch_end(1));
  const auto live = text_of(page);
  CATCH_CHECK(contains(live, reload));
  CATCH_CHECK(contains(live, "default-src 'none'"));
  CATCH_CHECK(contains(live, "<small>training: epoch 2 of 3, about 8.0 s left</small>"));
  CATCH_CHECK(contains(live, "60.0%"));
  CATCH_CHECK(contains(live, "epoch 1/3  train loss"));  // of its log
  History history{.epochs = {epoch_end(1).record, epoch_end(2).record, epoch_end(3).record}};
  report.on(FitEnd{.history = &history});
  const auto whole = text_of(page);
  CATCH_CHECK_FALSE(contains(whole, "refresh"));
  CATCH_CHECK_FALSE(contains(whole, "training: "));
  CATCH_CHECK(contains(whole, "mine scored 60.0% after 3 epochs, 12 s of training."));
}

CATCH_TEST_CASE("short epochs do not write the page more than once a second", "[observe]") {
  const Folder folder;
  Hands hands;
  observe::LiveReport report(folder / "report.html", {.name = "mine"}, {}, hands.clock());
  report.on(FitBegin{.epochs = 3, .measured = {}});
  hands.now = 0.5;
  report.on(epoch_end(1));
  CATCH_CHECK(contains(text_of(folder / "report.html"), "epoch 1 of 3"));
  hands.now = 1.5;
  report.on(epoch_end(2));
  CATCH_CHECK(contains(text_of(folder / "report.html"), "epoch 3 of 3"));
}

CATCH_TEST_CASE("a comparison's page reloads while runs wait, and shows those that are over",
                "[observe]") {
  const Folder folder;
  auto over = observe_test::run("unoptimized", {{60, 500}, {40, 600}});
  observe::LiveReport report(folder / "report.html", {.name = "optimized"},
                             {.with = {.runs = {over}, .waiting = {"fastest"}}, .log = nullptr});
  report.on(FitBegin{.epochs = 3, .measured = {}});
  report.on(FitEnd{});
  const auto html = text_of(folder / "report.html");
  CATCH_CHECK(contains(html, reload));
  CATCH_CHECK(contains(html, "Still to be trained: fastest."));
  CATCH_CHECK(contains(html, "unoptimized scored 60.0%"));
}

CATCH_TEST_CASE("nothing is compared with a run that trains", "[observe]") {
  observe::Comparison comparison = observe_test::three_runs();
  comparison.runs[1].state = observe::RunState::trains;
  comparison.runs[1].planned_epochs = 5;
  CATCH_CHECK_FALSE(comparison.speedup(comparison.runs[1]).has_value());
  const auto rows = observe::table_rows(comparison, observe::Signs::ascii());
  CATCH_CHECK(rows[1].speedup.text == "-");
  CATCH_CHECK_FALSE(rows[1].accuracy.best);
  CATCH_CHECK(observe::unequal_conditions(comparison).empty());
  comparison.runs[1].epochs.resize(1);
  comparison.runs[1].epochs[0].test->correct = 10;
  CATCH_CHECK(observe::table_rows(comparison, observe::Signs::ascii())[1].to_baseline.text ==
              "not yet");
}

CATCH_TEST_CASE(
    "a page that cannot be written is refused before the first step, and announced once "
    "later",
    "[observe]") {
  const Folder folder;
  std::ofstream(folder / "file") << "x";
  observe::LiveReport wrong(folder / "file" / "report.html");
  CATCH_CHECK_THROWS_AS(wrong.on(FitBegin{.epochs = 3, .measured = {}}), ResourceError);

  Hands hands;
  std::vector<std::string> told;
  observe::LiveReport report(
      folder / "run" / "report.html", {.name = "mine"},
      {.with = {}, .log = nullptr, .announce = [&](const auto& said) { told.push_back(said); }},
      hands.clock());
  report.on(FitBegin{.epochs = 3, .measured = {}});
  fs::remove_all(folder / "run");
  std::ofstream(folder / "run") << "in the way";
  for (std::int64_t epoch = 1; epoch <= 3; ++epoch) {
    hands.now += 2;
    report.on(epoch_end(epoch));
  }
  CATCH_REQUIRE(told.size() == 1);
  CATCH_CHECK(contains(told[0], "The run continues without its page."));
  CATCH_CHECK_FALSE(report.failure().empty());
  fs::remove(folder / "run");
  report.on(FitEnd{});
  CATCH_CHECK(report.failure().empty());
  CATCH_CHECK(contains(text_of(folder / "run" / "report.html"), "</html>"));
}

CATCH_TEST_CASE("a run that an exception ends leaves a page that says so", "[observe]") {
  const Folder folder;
  try {
    observe::LiveReport report(folder / "report.html", {.name = "mine"},
                               {.with = {.waiting = {"another"}}, .log = nullptr});
    report.on(FitBegin{.epochs = 3, .measured = {}});
    throw std::runtime_error("lost");
  } catch (const std::runtime_error&) {
  }
  const auto html = text_of(folder / "report.html");
  CATCH_CHECK(contains(html, "ended by an error in epoch 1 of 3"));
  CATCH_CHECK_FALSE(contains(html, "refresh"));
}

CATCH_TEST_CASE("a trainer of one's own is followed by one line, also where it resumes",
                "[observe]") {
  const Folder folder;
  const auto train = points();
  const auto& test = train;
  torch::manual_seed(1);
  Trainer<Net, OneCycle> trainer(Net(), {.epochs = 3, .device = torch::kCPU});
  observe::LiveReport report(trainer, folder / "report.html", "mine");
  const auto history = trainer.fit(train, test, report);
  const auto html = text_of(folder / "report.html");
  CATCH_CHECK(contains(html, "mine scored "));
  CATCH_CHECK(contains(html, "OneCycle"));
  CATCH_CHECK(contains(html, "epoch 3: loss "));
  CATCH_CHECK_FALSE(contains(html, "base width"));  // which a trainer does not know
  CATCH_CHECK(trainer.history().epochs.size() == 3);

  // Half of the run, and the rest by another trainer.
  const auto make = [] {
    torch::manual_seed(1);
    return Trainer<Net, OneCycle>(Net(), {.epochs = 3, .device = torch::kCPU});
  };
  auto first = make();
  StateDict state;
  struct Keep {
    decltype(first)* trainer;
    StateDict* state;
    void on(const EpochEnd& event) const {
      if (event.record.epoch == 2) *state = trainer->save_state();
    }
  } keep{&first, &state};
  first.fit(train, test, keep);
  auto second = make();
  second.load_state(state);
  observe::LiveReport resumed(second, folder / "resumed.html", "mine");
  struct Look {
    fs::path page;
    std::string seen;
    void on(const FitBegin&) { seen = text_of(page); }
  } look{folder / "resumed.html", ""};
  second.fit(train, test, resumed, look);
  CATCH_CHECK(contains(look.seen, "training: epoch 3 of 3"));
  CATCH_CHECK(contains(look.seen, "epoch 2: loss "));
  const auto after = text_of(folder / "resumed.html");
  CATCH_CHECK(contains(after, "epoch 1: loss "));
  CATCH_CHECK(contains(after, "after 3 epochs"));
}

CATCH_TEST_CASE("models of one's own are compared by the records of their trainers", "[observe]") {
  const Folder folder;
  const auto train = points();
  Trainer<Net> plain(Net(), {.epochs = 2, .device = torch::kCPU});
  Trainer<Net, OneCycle> cycle(Net(), {.epochs = 2, .device = torch::kCPU});
  plain.fit(train, train);
  cycle.fit(train, train);
  const auto page = folder / "report.html";
  const observe::Comparison comparison{
      .runs = {observe::run_record(plain, "unoptimized"), observe::run_record(cycle, "cycle")}};
  write_file(page, observe::report_html(comparison));
  const auto html = text_of(page);
  CATCH_CHECK(contains(html, "<h1>cycle "));
  CATCH_CHECK(contains(html, " unoptimized"));
  CATCH_CHECK(comparison.runs[0].epochs.size() == 2);
  CATCH_CHECK(comparison.runs[1].parameters == 10);
}

CATCH_TEST_CASE("the record of a run says how it ended, or that it did not", "[observe]") {
  const auto train = points();
  const auto ended = [](auto& trainer) {
    const auto record = observe::run_record(trainer, "mine");
    return observe::end_name(record) + ": " + observe::ending(record);
  };
  using Early = Trainer<Net, Preset<SGD{.lr = 1e-30}>, Preset<EarlyStop{.patience = 1}>>;
  Early early(Net(), {.max_steps = 12, .steps_per_epoch = 2, .device = torch::kCPU});
  CATCH_CHECK(ended(early) == "unfinished: no epoch is over");
  early.fit(train);
  CATCH_CHECK(ended(early) == "early_stop: stopped early, after epoch 2");

  struct Breaks {
    void on(const StepEnd& event) const {
      if (event.epoch == 3) throw std::runtime_error("enough");
    }
  } breaks;
  Trainer<Net> broken(Net(), {.epochs = 5, .device = torch::kCPU});
  CATCH_CHECK_THROWS(broken.fit(train, breaks));
  CATCH_CHECK(ended(broken) == "unfinished: unfinished, after epoch 2 of 5");
  Trainer<Net> loaded(Net(), {.epochs = 5, .device = torch::kCPU});
  loaded.load_state(broken.save_state());
  CATCH_CHECK(ended(loaded) == "unfinished: unfinished, after epoch 2 of 5");
}
