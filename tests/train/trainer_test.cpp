#include "catch.hpp"
#include "toys.hpp"
#include <gradus/core/parameters.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/augmentation/crop_flip.hpp>
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/layout/channels_last.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/resolution/progressive.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/sharing/share_early_layer.hpp>
#include <gradus/train/trainer.hpp>

#include <limits>
#include <stdexcept>

using namespace gradus;

namespace {

/// Weights after training a perceptron on `samples` points.
template <class T>
at::Tensor trained(std::int64_t samples, const RunSettings& run,
                   const typename T::policies_type& policies) {
  T trainer(perceptron(), run, policies);
  trainer.fit(Points(samples));
  return weights_of(*trainer.model());
}

using Accumulating = Trainer<Perceptron, Accumulate, Plain, SGD>;

at::Tensor accumulated(std::int64_t samples, std::int64_t batch, std::int64_t steps) {
  Accumulating::policies_type policies;
  policies.at<slot::loading>().batch_size = batch;
  policies.at<slot::accumulation>().steps = steps;
  policies.at<slot::optimizer>().lr = 0.5;
  return trained<Accumulating>(samples, {.epochs = 3, .device = c10::kCPU}, policies);
}

/// Images of noise, as many as asked for.
data::ImageDataset noise(std::int64_t count) {
  const auto generator = at::detail::createCPUGenerator(5);
  return {torch::randint(0, 256, {count, 3, 32, 32}, generator, torch::kByte),
          torch::randint(0, 10, {count}, generator, torch::kLong),
          {.mean = {0.5F, 0.5F, 0.5F}, .deviation = {0.25F, 0.25F, 0.25F}}};
}

}  // namespace

CATCH_TEST_CASE("the loop takes the same steps as one written by hand") {
  const Points points(20);
  auto model = perceptron();
  torch::optim::SGD optimizer(model->parameters(), torch::optim::SGDOptions(0.1));
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    const auto order = epoch_order(20, 3, epoch);
    for (std::int64_t first = 0; first < 20; first += 8) {
      const auto indices =
          std::span(order).subspan(static_cast<std::size_t>(first),
                                   static_cast<std::size_t>(std::min<std::int64_t>(8, 20 - first)));
      const auto batch = points.batch(indices);
      torch::nn::functional::cross_entropy(model->forward(batch.input), batch.target).backward();
      optimizer.step();
      optimizer.zero_grad();
    }
  }
  using Hand = Trainer<Perceptron, Preset<SGD{.lr = 0.1}>, Preset<Plain{.batch_size = 8}>>;
  const auto ours = trained<Hand>(20, {.seed = 3, .epochs = 2, .device = c10::kCPU}, {});
  CATCH_CHECK(torch::allclose(ours, weights_of(*model), 1e-6, 1e-7));
}

CATCH_TEST_CASE("accumulated gradients are those of one big batch, short last windows included") {
  // 50 samples: 4 x 8 is a window of 32 and one of 18, whose last batch holds 2.
  CATCH_CHECK(torch::allclose(accumulated(50, 8, 4), accumulated(50, 32, 1), 1e-5, 1e-6));
  CATCH_CHECK(torch::allclose(accumulated(50, 8, 100), accumulated(50, 50, 1), 1e-5, 1e-6));
  CATCH_CHECK_FALSE(torch::allclose(accumulated(50, 8, 4), accumulated(50, 8, 1), 1e-3, 1e-3));
}

CATCH_TEST_CASE("the same seed gives the same bits, whatever the number of workers") {
  using T = Trainer<ResNet10, Prefetch, CropFlip, AdamW, OneCycle, Accumulate, ShareEarlyLayer,
                    Progressive, ChannelsLast, Mixed>;
  const auto images = noise(48);
  const auto run = [&](std::int64_t workers, std::uint64_t seed) {
    T::policies_type policies;
    policies.at<slot::loading>().batch_size = 8;
    policies.at<slot::loading>().workers = workers;
    torch::manual_seed(1);
    T trainer(ResNet10(ResNet10Options{.width = 4}),
              {.seed = seed, .epochs = 2, .device = c10::kCPU}, policies);
    trainer.fit(images);
    return weights_of(*trainer.model());
  };
  const auto expected = run(0, 11);
  CATCH_CHECK(torch::equal(run(0, 11), expected));
  CATCH_CHECK(torch::equal(run(1, 11), expected));
  CATCH_CHECK(torch::equal(run(3, 11), expected));
  CATCH_CHECK_FALSE(torch::equal(run(0, 12), expected));
}

CATCH_TEST_CASE("an epoch knows its floating-point operations, in a resumed run too") {
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, Preset<Accumulate{.steps = 2}>>;
  constexpr double of_a_sample = 3 * 2 * (6 * 8 + 8 * 3);
  RunSettings run{.epochs = 2, .device = c10::kCPU};
  T whole(perceptron(), run);
  for (const auto& epoch : whole.fit(Points(22)).epochs) {
    CATCH_CHECK(epoch.flops == 22 * of_a_sample);
  }
  run.stop_after_steps = 4;  // in the second epoch
  T begun(perceptron(), run);
  CATCH_CHECK(begun.fit(Points(22)).epochs.at(1).flops == 8 * of_a_sample);  // as far as it came
  run.stop_after_steps.reset();
  T resumed(perceptron(1), run);
  resumed.load_state(begun.save_state());
  const auto epochs = resumed.fit(Points(22)).epochs;
  CATCH_REQUIRE(epochs.size() == 2);
  CATCH_CHECK(epochs[1].flops == 22 * of_a_sample);
}

CATCH_TEST_CASE("a gradient that is not finite skips the whole step") {
  using T = Trainer<Perceptron, Preset<Mixed{.type = MixedType::float16, .initial_scale = 1e30}>,
                    Preset<Plain{.batch_size = 4}>, SGD>;
  T trainer(perceptron(), {.epochs = 1, .device = c10::kCPU});
  const auto before = weights_of(*trainer.model());
  const auto history = trainer.fit(Points(4));  // scaled by 1e30 the gradients overflow
  CATCH_CHECK(history.epochs[0].skipped_steps == 1);
  CATCH_CHECK(history.epochs[0].optimizer_steps == 0);
  CATCH_CHECK(torch::equal(weights_of(*trainer.model()), before));
}

CATCH_TEST_CASE("the logged loss is weighted by samples and undivided by accumulation") {
  // A rate too small to move anything: the epoch's mean is the loss of the first weights.
  using T = Trainer<Perceptron, Preset<SGD{.lr = 1e-12}>, Preset<Plain{.batch_size = 4}>,
                    Preset<Accumulate{.steps = 3}>>;
  const Points points(10);
  T trainer(perceptron(), {.epochs = 1, .device = c10::kCPU});
  const auto history = trainer.fit(points, points);
  const auto& record = history.epochs.at(0);
  CATCH_CHECK(std::abs(*record.train_loss - *record.test->loss) < 1e-5);
  CATCH_CHECK(record.samples == 10);
  CATCH_CHECK(record.optimizer_steps == 1);
}

CATCH_TEST_CASE("evaluation leaves training as it was") {
  const auto images = noise(24);
  using T = Trainer<ResNet10, Preset<Plain{.batch_size = 8}>>;
  const auto run = [&](bool evaluated) {
    torch::manual_seed(1);
    T trainer(ResNet10(ResNet10Options{.width = 4}), {.epochs = 2, .device = c10::kCPU});
    if (evaluated) {
      trainer.fit(images, images);
    } else {
      trainer.fit(images);
    }
    CATCH_CHECK(trainer.model()->is_training());
    return torch::cat(
        {weights_of(*trainer.model()), trainer.model()->stem_norm->running_mean, torch::rand({3})});
  };
  CATCH_CHECK(torch::equal(run(true), run(false)));
}

CATCH_TEST_CASE("a loss that is not finite ends the run with the step named") {
  struct Poisoned : Points {
    using Points::Points;
    [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
      auto batch = Points::batch(indices);
      batch.input.fill_(std::numeric_limits<float>::quiet_NaN());
      return batch;
    }
  };
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>>;
  T trainer(perceptron(), {.epochs = 3, .device = c10::kCPU, .log_every_steps = 2});
  CATCH_CHECK_THROWS_WITH(trainer.fit(Poisoned(16)),
                          "the training loss is not finite at optimizer step 1 (epoch 1, batch 1, "
                          "micro-batch 1); by now the weights 'hidden.weight' are not finite "
                          "either; lower the learning rate, or look at the data of that batch.");
}

CATCH_TEST_CASE("a worker's exception reaches the caller with its own type and text") {
  struct Broken : Points {
    using Points::Points;
    [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
      if (indices.size() < 4) throw std::out_of_range("shelf 7 is empty");
      return Points::batch(indices);
    }
  };
  using T = Trainer<Perceptron, Preset<Prefetch{.batch_size = 4, .workers = 2}>>;
  T trainer(perceptron(), {.epochs = 1, .device = c10::kCPU});
  CATCH_CHECK_THROWS_AS(trainer.fit(Broken(10)), std::out_of_range);
  CATCH_CHECK_THROWS_WITH(trainer.fit(Broken(10)), "shelf 7 is empty");
}

CATCH_TEST_CASE("observers hear what they ask for, in order, and a run can end early") {
  struct Recorder {
    std::vector<std::int64_t> steps;
    std::int64_t epochs = 0;
    std::int64_t losses = 0;
    void on(const StepEnd& event) {
      steps.push_back(event.step);
      losses += event.train_loss ? 1 : 0;
    }
    void on(const EpochEnd&) { ++epochs; }
  } recorder;
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>>;
  T trainer(perceptron(),
            {.epochs = 5, .device = c10::kCPU, .log_every_steps = 2, .stop_after_steps = 5});
  trainer.fit(Points(16), recorder);  // 4 steps an epoch
  CATCH_CHECK(recorder.steps == std::vector<std::int64_t>{1, 2, 3, 4, 5});
  CATCH_CHECK(recorder.epochs == 2);
  CATCH_CHECK(recorder.losses == 2);  // steps 2 and 4
}

CATCH_TEST_CASE("a run is not saved, loaded or trained while its model holds averages") {
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 10}>, Preset<EMA{.decay = 0.9}>>;
  const RunSettings run{.epochs = 2, .device = c10::kCPU, .stop_after_steps = 3};
  T trainer(perceptron(), run);
  {
    const auto own = trainer.evaluation_weights();  // there are no averages yet
    CATCH_CHECK_NOTHROW(trainer.save_state());
  }
  trainer.fit(Points(40));
  const auto weights = weights_of(*trainer.model());
  const auto state = trainer.save_state();
  {
    const auto averages = trainer.evaluation_weights();
    const auto refused = [](const char* what) {
      return Catch::Matchers::ContainsSubstring("a model is " + std::string(what) +
                                                " while it holds averaged");
    };
    CATCH_CHECK_THROWS_WITH(trainer.save_state(), refused("saved"));
    CATCH_CHECK_THROWS_WITH(trainer.load_state(state), refused("saved"));
    CATCH_CHECK_THROWS_WITH(trainer.fit(Points(40)), refused("trained"));
    CATCH_CHECK(trainer.evaluate(Points(8)).loss);  // the same weights once more
    CATCH_CHECK_FALSE(weights_of(*trainer.model()).equal(weights));
  }
  CATCH_CHECK(weights_of(*trainer.model()).equal(weights));
  const auto again = trainer.save_state();
  for (const auto& [name, tensor] : state.entries()) {
    if (!name.starts_with("time/")) CATCH_CHECK(again.copy(name).equal(tensor));
  }
}

CATCH_TEST_CASE("a batch larger than the data set is refused") {
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 17}>>;
  CATCH_CHECK_THROWS_AS(T(perceptron(), {.device = c10::kCPU}).fit(Points(16)), DataError);
}
