// Lines 7, 10 to 12, 14 and 15 of docs/semantics.md: what holds over a whole run.
#include "../catch.hpp"
#include "../folder.hpp"
#include "../train/toys.hpp"
#include "runs.hpp"
#include <gradus/checkpoint/weights.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/observe/host_waits.hpp>
#include <gradus/policy/optimizer/adafactor.hpp>
#include <gradus/policy/optimizer/lion.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/rmsprop.hpp>
#include <gradus/train/clone_model.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

using namespace gradus;
using namespace semantics;

CATCH_TEST_CASE("[line 7] one arithmetic counts the steps, and the loop keeps to it") {
  constexpr StepPlan plan{.samples = 50'000, .batch_size = 128, .accumulation = 4, .epochs = 5};
  static_assert(plan.batches() == 391 && plan.steps() == 98 && plan.total_steps() == 490);
  constexpr StepPlan dropping{
      .samples = 50'000, .batch_size = 128, .accumulation = 4, .epochs = 1, .drop_last = true};
  static_assert(dropping.batches() == 390 && dropping.samples_used() == 49'920);
  static_assert(plan.smallest_batch() == 80 && dropping.smallest_batch() == 128);

  struct Counts {
    std::int64_t steps = 0;
    std::int64_t samples = 0;
    std::int64_t planned = 0;
    void on(const StepEnd& event) {
      ++steps;
      samples = event.samples;
      planned = event.total_steps;
    }
  };
  using T = Trainer<Perceptron, Plain, Accumulate>;
  for (const std::int64_t size : {16, 19}) {
    for (const std::int64_t steps : {1, 3, 50}) {
      for (const bool drop : {false, true}) {
        for (const std::optional<std::int64_t> limit : {std::optional<std::int64_t>(), {2}}) {
          T::policies_type policies;
          policies.at<slot::loading>() = {.batch_size = 4, .drop_last = drop};
          policies.at<slot::accumulation>().steps = steps;
          T trainer(perceptron(), {.epochs = 2, .device = c10::kCPU, .limit_train_batches = limit},
                    policies);
          Counts counts;
          const auto history = trainer.fit(Points(size), counts);
          const auto expected = trainer.plan(size);
          CATCH_CHECK(counts.steps == expected.total_steps());
          CATCH_CHECK(counts.planned == expected.total_steps());
          CATCH_CHECK(counts.samples == 2 * expected.samples_used());
          CATCH_CHECK(history.epochs[1].samples == expected.samples_used());
        }
      }
    }
  }
}

CATCH_TEST_CASE("[line 10] batch-norm statistics are those of each micro-batch in turn") {
  using T = Trainer<ResNet10, Preset<Plain{.batch_size = 4}>, Preset<Accumulate{.steps = 2}>>;
  const auto images = noise(8);
  T trainer(small_net(), {.epochs = 1, .device = c10::kCPU});
  trainer.fit(images);
  auto by_hand = small_net();
  const auto order = epoch_order(8, 0, 0);
  for (std::size_t first = 0; first < 8; first += 4) {
    by_hand->forward(images.batch(std::span(order).subspan(first, 4)).input);
  }
  CATCH_CHECK(by_hand->stem_norm->running_var.equal(trainer.model()->stem_norm->running_var));
  CATCH_CHECK(
      by_hand->stage4->norm2->running_mean.equal(trainer.model()->stage4->norm2->running_mean));
}

namespace {

struct NormedImpl : torch::nn::Module {
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(6));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
  at::Tensor forward(const at::Tensor& x) { return head(norm(x)); }
};
TORCH_MODULE(Normed);

}  // namespace

CATCH_TEST_CASE("[line 10] a batch of one value per channel is refused before the first step") {
  Normed net;
  Trainer<Normed, Preset<Plain{.batch_size = 4}>> trainer(net, {.epochs = 1, .device = c10::kCPU});
  const auto before = weights_of(*net);
  CATCH_CHECK_THROWS_WITH(
      trainer.fit(Points(9)),
      "a training batch holds 1 sample, which leaves a batch norm one value per channel; set "
      "loading.drop_last to true, or loading.batch_size so that no batch of 9 samples is that "
      "small.");
  CATCH_CHECK(weights_of(*net).equal(before));
  CATCH_CHECK(net->norm->running_mean.count_nonzero().item<std::int64_t>() == 0);
  CATCH_CHECK(trainer.fit(Points(8)).epochs.size() == 1);
}

namespace {

struct autocasts {
  static constexpr std::string_view name = "autocasts";
};
struct SeesAutocast {
  using slot = autocasts;
  static constexpr std::string_view name = "SeesAutocast";
  using hooks = Hooks<hook::before_backward, hook::before_step>;
  static constexpr auto fields() { return no_fields; }
  static int& wrong() {
    static int count = 0;
    return count;
  }
  void before_backward(at::Tensor& loss, const StepContext&) const {
    wrong() += at::autocast::is_autocast_enabled(at::kCPU) ? 1 : 0;
    wrong() += loss.scalar_type() == at::kFloat ? 0 : 1;
  }
  void before_step(const StepContext&) const {
    wrong() += at::autocast::is_autocast_enabled(at::kCPU) ? 1 : 0;
  }
};

}  // namespace

CATCH_TEST_CASE("[line 11] autocast spans neither backward nor the step, and the loss is float32") {
  using T = Trainer<Perceptron, Preset<Mixed{.type = MixedType::bfloat16}>, SeesAutocast>;
  T(perceptron(), {.epochs = 2, .device = c10::kCPU}).fit(Points(64));
  CATCH_CHECK(SeesAutocast::wrong() == 0);
}

CATCH_TEST_CASE("[line 12] a shared weight is one to everyone, and survives a move and a copy") {
  using T = Trainer<ResNet10, Preset<Plain{.batch_size = 4}>, ShareEarlyLayer,
                    Preset<AdamW{.lr = 0.01}>, ClipNorm, EMA>;
  T trainer(small_net(), {.epochs = 1, .device = c10::kCPU});
  const auto tied = [](ResNet10& net) {
    return net->stage1->conv1->weight.is_same(net->stage1->conv2->weight) &&
           net->stage1->conv2->named_parameters()["weight"].is_same(net->stage1->conv2->weight);
  };
  CATCH_CHECK(tied(trainer.model()));
  const auto unique = trainer.parameters().size();
  CATCH_CHECK(trainer.model()->parameters().size() == unique + 1);  // LibTorch counts it twice
  CATCH_CHECK(trainer.state<slot::optimizer>().steps.size() == unique);
  trainer.fit(noise(8));
  CATCH_CHECK(trainer.state<slot::averaging>().averages.size() == unique);

  auto copy = clone_model(trainer);
  CATCH_CHECK(tied(copy));
  CATCH_CHECK(weights_of(*copy).equal(weights_of(*trainer.model())));
  CATCH_CHECK_FALSE(copy->stem->weight.is_same(trainer.model()->stem->weight));
  copy->to(torch::kDouble);
  CATCH_CHECK(tied(copy));
  CATCH_CHECK(copy->stage1->conv2->weight.scalar_type() == torch::kDouble);

  const test::Folder folder;
  save_weights(*trainer.model(), folder.path() / "w.safetensors", {});
  auto loaded = small_net();
  ShareEarlyLayer().tie(loaded);
  load_weights(*loaded, read_safetensors(folder.path() / "w.safetensors"));
  CATCH_CHECK(tied(loaded));
  CATCH_CHECK(weights_of(*loaded).equal(weights_of(*trainer.model())));
}

CATCH_TEST_CASE("[line 12] the gradient of a shared weight is the sum over its uses") {
  const auto input = torch::randn({2, 4, 8, 8});
  auto net = small_net();
  auto twin = small_net();
  {
    const at::NoGradGuard no_grad;
    net->stage1->conv2->weight.copy_(net->stage1->conv1->weight);
    twin->stage1->conv2->weight.copy_(twin->stage1->conv1->weight);
  }
  ShareEarlyLayer().tie(twin);
  net->stage1(input).square().sum().backward();
  twin->stage1(input).square().sum().backward();
  CATCH_CHECK(torch::allclose(twin->stage1->conv1->weight.grad(),
                              net->stage1->conv1->weight.grad() + net->stage1->conv2->weight.grad(),
                              1e-5, 1e-6));
}

CATCH_TEST_CASE("[line 14] evaluation leaves training alone, mirror images and averages included") {
  const auto images = noise(24);
  const auto run = [&](bool evaluated) {
    Everything trainer(small_net(), {.epochs = 2, .device = c10::kCPU, .evaluate_flipped = true});
    if (evaluated) {
      const auto history = trainer.fit(images, images);
      CATCH_CHECK(history.epochs[1].test_flipped.has_value());
    } else {
      trainer.fit(images);
    }
    CATCH_CHECK(trainer.model()->is_training());
    if (evaluated) {
      trainer.evaluate(images);
      trainer.evaluate_flipped(images);
    }
    CATCH_CHECK(trainer.model()->is_training());
    return torch::cat(
        {weights_of(*trainer.model()), trainer.model()->stem_norm->running_mean, torch::rand({3})});
  };
  CATCH_CHECK(run(true).equal(run(false)));
}

CATCH_TEST_CASE("[line 14] while the averaged weights are in the model, they are what it holds") {
  Run<Preset<SGD{.lr = 0.1}>, Preset<EMA{.decay = 0.5}>> trainer(small_net(), two_epochs);
  trainer.fit(noise(20));
  const auto trained = weights_of(*trainer.model());
  at::Tensor averaged;
  {
    const auto judged = trainer.evaluation_weights();
    averaged = weights_of(*trainer.model());
  }
  CATCH_CHECK_FALSE(averaged.equal(trained));
  CATCH_CHECK(weights_of(*trainer.model()).equal(trained));
}

namespace {

/// Hears the loss only at readings.
struct CountsReadings {
  int readings = 0;
  void on(const StepEnd& event) { readings += event.train_loss ? 1 : 0; }
};

struct Seen {
  std::int64_t waits = 0;
  std::int64_t copies = 0;
  int readings = 0;
};

template <class T>
Seen seen_in(std::int64_t log_every, std::int64_t samples = 48) {
  T trainer(small_net(), {.epochs = 1, .device = c10::kCPU, .log_every_steps = log_every});
  CountsReadings observer;
  const auto images = noise(samples);
  const observe::HostWaits watch;
  trainer.fit(images, observer);
  return {watch.waits(), watch.copies(), observer.readings};
}

}  // namespace

CATCH_TEMPLATE_TEST_CASE("[line 15] no step waits for the device, float16's included", "",
                         Everything, (Run<SGD, ClipNorm>), (Run<Muon>), (Run<Lion>), (Run<RMSprop>),
                         (Run<Adafactor>),
                         (Run<AdamW, Preset<Mixed{.type = MixedType::float16}>, ClipNorm>)) {
  const auto one = seen_in<TestType>(100);  // the reading is a copy to the host
  CATCH_CHECK(one.waits == 0);
  CATCH_CHECK(one.readings == 1);
  const auto each = seen_in<TestType>(1);
  CATCH_CHECK(each.waits == 0);
  CATCH_CHECK(each.readings == 6);
  CATCH_CHECK(each.copies >= one.copies + 5);
  const auto longer = seen_in<TestType>(100, 96);
  CATCH_CHECK(longer.waits == 0);
  // Mixup sends its partners of each of 2 batches a step: on the CPU that looks like a copy back.
  const std::int64_t sent = std::is_same_v<TestType, Everything> ? 6 * 2 : 0;
  CATCH_CHECK(longer.copies == one.copies + sent);  // 6 steps more
}

CATCH_TEST_CASE("[line 15] the tripwire is no dummy: reads and copies trip it") {
  const auto trips = [](auto action) {
    const observe::HostWaits watch;
    action(torch::arange(4).to(torch::kFloat));
    return std::pair(watch.waits(), watch.copies());
  };
  using Trip = std::pair<std::int64_t, std::int64_t>;
  CATCH_CHECK(trips([](const at::Tensor& t) { (void)(t + t).sum(); }) == Trip{0, 0});
  CATCH_CHECK(trips([](const at::Tensor& t) { (void)t[0].item<float>(); }) == Trip{1, 0});
  CATCH_CHECK(trips([](const at::Tensor& t) { (void)t.nonzero(); }) == Trip{1, 0});
  CATCH_CHECK(trips([](const at::Tensor& t) { (void)t.index({t > 1}); }) == Trip{1, 0});
  CATCH_CHECK(trips([](const at::Tensor& t) { (void)t.equal(t); }) == Trip{1, 0});
  CATCH_CHECK(trips([](const at::Tensor& t) { (void)t.cpu(); }) == Trip{0, 1});
  CATCH_CHECK(trips([](const at::Tensor& t) { (void)t.to(at::kCPU, at::kDouble); }) == Trip{0, 1});
  const observe::HostWaits one;
  CATCH_CHECK_THROWS_AS(observe::HostWaits(), std::logic_error);
}

CATCH_TEST_CASE("[line 15] a policy that watches each step is seen to copy at each") {
  using Watched = Run<Preset<Guard{.on_not_finite = OnNotFinite::stop, .each_step = true}>>;
  CATCH_CHECK(seen_in<Watched>(100, 96).copies >= seen_in<Watched>(100, 48).copies + 6);
}
