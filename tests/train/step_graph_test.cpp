// When steps are warmed up, captured, replayed and run as they are, by a backend that only keeps a
// ledger.
#include "../catch.hpp"
#include <gradus/core/batch.hpp>
#include <gradus/train/capture/step_graph.hpp>

#include <torch/torch.h>

#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string said;
bool fails = false;

struct Ledger {
  using Graph = std::function<void()>;
  static std::string obstacle(const c10::Device&) { return ""; }
  explicit Ledger(const c10::Device&) {}

  template <class Work>
  void on_side_stream(Work&& work) {
    said += "side ";
    work();
  }
  template <class Work>
  Graph capture(Work&& work) {
    said += "begin ";
    if (fails) throw std::runtime_error("the device will not\nand says more");
    said += "end ";
    return work;
  }
  void replay(Graph& graph) {
    said += "replay ";
    graph();
  }
};
static_assert(GraphBackend<Ledger>);

struct NoReplay {
  using Graph = int;
  static std::string obstacle(const c10::Device&) { return ""; }
  explicit NoReplay(const c10::Device&) {}
  void on_side_stream(auto&& work) { work(); }
  Graph capture(auto&& work) { return work(), 1; }
};
static_assert(!GraphBackend<NoReplay>);

std::vector<Batch> window(std::vector<std::int64_t> sizes, double value = 1) {
  std::vector<Batch> list;
  for (const auto size : sizes) {
    list.push_back({torch::full({size, 2, 3, 3}, value), torch::zeros({size}, torch::kLong)});
  }
  return list;
}

/// A run whose loss is the sum of the inputs, and what its steps saw.
struct Run {
  explicit Run(CapturePlan plan = {}, std::vector<at::Tensor> fixed = {})
      : graph(Ledger(c10::kCPU), plan, std::move(fixed)) {
    said.clear();
    fails = false;
  }

  std::vector<double> step(const std::vector<Batch>& batches) {
    const auto losses = graph.run(
        batches, /*even=*/true,
        [this](const std::vector<Batch>& inputs, const at::Tensor& out) {
          for (std::size_t i = 0; i < inputs.size(); ++i) {
            seen.insert(inputs[i].input.const_data_ptr());
            out[static_cast<std::int64_t>(i)].copy_(inputs[i].input.sum());
          }
        },
        [] { said += "discard "; });
    std::vector<double> values;
    for (std::int64_t i = 0; i < losses.size(0); ++i) values.push_back(losses[i].item<double>());
    return values;
  }

  StepGraph<Ledger> graph;
  std::set<const void*> seen;
};

}  // namespace

CATCH_TEST_CASE("a form of window is warmed up, captured, and replayed from its own buffers") {
  Run run;
  for (int step = 0; step < 6; ++step) {
    CATCH_CHECK(run.step(window({4, 2}, step)) == std::vector<double>{72.0 * step, 36.0 * step});
  }
  CATCH_CHECK(said == "side side side begin end replay replay replay ");
  CATCH_CHECK(run.seen.size() == 2);
  CATCH_CHECK(run.graph.report().warm_ups == 3);
  CATCH_CHECK(run.graph.report().captures == 1);
  CATCH_CHECK(run.graph.report().replays == 3);
  CATCH_CHECK(run.graph.report().reason.empty());
}

CATCH_TEST_CASE("losses that a step returned are not overwritten by the next one") {
  StepGraph<Ledger> graph(Ledger(c10::kCPU), {}, {});
  const auto step = [](const std::vector<Batch>& inputs, const at::Tensor& out) {
    out[0].copy_(inputs[0].input.sum());
  };
  for (int i = 0; i < 5; ++i) {
    const auto before = graph.run(window({1}, 1), true, step, [] {});
    const auto after = graph.run(window({1}, 2), true, step, [] {});
    CATCH_CHECK(before.item<double>() == 18);
    CATCH_CHECK(after.item<double>() == 36);
  }
}

CATCH_TEST_CASE("another number of batches, shape, type or layout is another form") {
  const auto first = window({4});
  auto flat = first;
  flat[0].input = flat[0].input.contiguous(at::MemoryFormat::ChannelsLast);
  auto wide = first;
  wide[0].input = wide[0].input.to(torch::kDouble);
  auto mixed = first;
  mixed[0].target = torch::zeros({4, 10});
  for (const auto& other : {window({4, 4}), window({3}), flat, wide, mixed}) {
    Run run;
    for (int step = 0; step < 4; ++step) run.step(first);
    for (int step = 0; step < 4; ++step) run.step(other);
    for (int step = 0; step < 2; ++step) run.step(first);
    CATCH_CHECK(run.graph.report().captures == 2);
    CATCH_CHECK(run.graph.report().replays == 4);
  }
}

CATCH_TEST_CASE("a batch without memory of its own, expanded, has a form like any other") {
  Run run;
  auto expanded = window({4});
  expanded[0].input = torch::ones({4, 1, 1, 1}).expand({4, 2, 3, 3});
  for (int step = 0; step < 5; ++step) CATCH_CHECK(run.step(expanded)[0] == 72);
  CATCH_CHECK(run.graph.report().captures == 1);
  CATCH_CHECK(run.graph.report().replays == 2);
}

CATCH_TEST_CASE("the forms used last are kept, and more than fit are never captured") {
  Run run({.warmup_steps = 3, .max_graphs = 2});
  for (const auto size : {4, 3, 4, 3, 4, 3, 4, 3}) run.step(window({size}));
  CATCH_CHECK(run.graph.report().captures == 2);
  for (int step = 0; step < 4; ++step) run.step(window({2}));  // takes the place of size 4
  CATCH_CHECK(run.graph.report().captures == 3);
  run.step(window({3}));
  CATCH_CHECK(run.graph.report().warm_ups == 9);
  run.step(window({4}));
  CATCH_CHECK(run.graph.report().warm_ups == 10);

  Run many({.warmup_steps = 3, .max_graphs = 2});
  for (int step = 0; step < 30; ++step) many.step(window({1 + step % 3}));
  CATCH_CHECK(many.graph.report().captures == 0);
  CATCH_CHECK(many.graph.report().warm_ups == 30);
}

CATCH_TEST_CASE("a capture that fails is the last one: the step and all others run as they are") {
  Run run;
  for (int step = 0; step < 3; ++step) run.step(window({4}));
  fails = true;
  const auto before = run.seen;
  CATCH_CHECK(run.step(window({4}, 5))[0] == 360);
  CATCH_CHECK(run.seen.size() == before.size() + 1);  // the window's own memory
  CATCH_CHECK(run.graph.report().reason == "a step could not be captured: the device will not");
  fails = false;
  CATCH_CHECK(run.step(window({3}, 2))[0] == 108);
  CATCH_CHECK(said == "side side side begin discard ");
  CATCH_CHECK(run.graph.report().captures == 0);
}

CATCH_TEST_CASE("fixed memory that moved has its form warmed up and captured again") {
  const auto weight = torch::ones({2});
  Run run({}, {weight});
  for (int step = 0; step < 5; ++step) run.step(window({4}));
  const auto kept = weight.variable_data();
  weight.set_data(torch::ones({2}));
  for (int step = 0; step < 5; ++step) run.step(window({4}));
  CATCH_CHECK(said ==
              "side side side begin end replay replay side side side begin end replay "
              "replay ");
}

CATCH_TEST_CASE(
    "what was frozen, or put in another mode, has its form warmed up and captured again") {
  const auto weight = torch::ones({2}).requires_grad_();
  torch::nn::Dropout part;
  StepGraph<Ledger> graph(Ledger(c10::kCPU), {}, {weight}, {part.ptr()});
  fails = false;
  const auto steps = [&](int count) {
    said.clear();
    for (int i = 0; i < count; ++i) {
      static_cast<void>(
          graph.run(window({4}), true, [](const std::vector<Batch>&, const at::Tensor&) {}, [] {}));
    }
    return said;
  };
  const std::string captured = "side side side begin end replay replay ";
  CATCH_CHECK(steps(5) == captured);
  CATCH_CHECK(steps(5) == "replay replay replay replay replay ");
  weight.requires_grad_(false);
  CATCH_CHECK(steps(5) == captured);
  part->eval();
  CATCH_CHECK(steps(5) == captured);
  part->train();
  CATCH_CHECK(steps(2) == "side side ");
  weight.requires_grad_(true);  // before the capture, which needs warm-ups of this setting
  CATCH_CHECK(steps(5) == captured);
  part->train();  // as it is
  CATCH_CHECK(steps(5) == "replay replay replay replay replay ");
}

CATCH_TEST_CASE("a step whose code throws throws, once it is not a capture's fault") {
  StepGraph<Ledger> graph(Ledger(c10::kCPU), {}, {});
  fails = false;
  const auto bad = [](const std::vector<Batch>&, const at::Tensor&) {
    throw std::invalid_argument("a bad batch");
  };
  CATCH_CHECK_THROWS_WITH(graph.run(window({4}), true, bad, [] {}), "a bad batch");
}
