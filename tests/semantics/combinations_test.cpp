// Two things of a run that meet: each case came out wrong here once.
#include "../catch.hpp"
#include "../folder.hpp"
#include "../train/toys.hpp"
#include "runs.hpp"
#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/policy/averaging/swa.hpp>
#include <gradus/policy/loading/resident.hpp>
#include <gradus/policy/mixing/cut_mix.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/sampling/class_balanced.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/policy/task/distillation.hpp>
#include <gradus/train/search/find_batch_size.hpp>
#include <gradus/train/search/find_learning_rate.hpp>
#include <gradus/train/step/criterion.hpp>
#include <gradus/train/trainer.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

using Sixteen = Preset<Plain{.batch_size = 16}>;
const RunSettings two_epochs{.epochs = 2, .device = c10::kCPU};

/// Draws in evaluation mode too, as Monte Carlo dropout and variational autoencoders do.
struct DrawsImpl : torch::nn::Module {
  torch::nn::Linear hidden = register_module("hidden", torch::nn::Linear(6, 8));
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(8));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(8, 3));
  at::Tensor forward(const at::Tensor& x) {
    return head(torch::dropout(norm(hidden(x)).tanh(), 0.5, /*train=*/true));
  }
};
TORCH_MODULE(Draws);

Draws draws() {
  torch::manual_seed(0);
  return Draws();
}

struct AtStep {
  std::function<void(const StepEnd&)> act;
  void on(const StepEnd& event) { act(event); }
};

}  // namespace

CATCH_TEMPLATE_TEST_CASE(
    "a model that draws in evaluation mode trains alike with and without evaluation, and resumed",
    "", NoAveraging, (Preset<SWA{.begin = 0.2, .batches = 2}>)) {
  using T = Trainer<Draws, Sixteen, SGD, TestType>;
  const Points points(49);  // a last batch of one sample is tried before the first step
  const auto all_but_one = points.first(48);
  T alone(draws(), two_epochs);
  alone.fit(all_but_one);

  T evaluated(draws(), two_epochs);
  StateDict saved;
  AtStep saver{[&](const StepEnd& event) {
    if (event.step == 2) saved = evaluated.save_state();
  }};
  evaluated.fit(all_but_one, points, saver);
  if constexpr (std::is_same_v<TestType, NoAveraging>) {
    CATCH_CHECK(weights_of(*evaluated.model()).equal(weights_of(*alone.model())));
  }
  const auto before = torch::rand({1});
  torch::manual_seed(5);
  static_cast<void>(evaluated.evaluate(points));
  const auto drawn = torch::rand({1});
  torch::manual_seed(5);
  CATCH_CHECK(torch::rand({1}).equal(drawn));
  CATCH_CHECK(before.defined());

  T resumed(draws(), two_epochs);
  resumed.load_state(saved);
  resumed.fit(all_but_one, points);
  CATCH_CHECK(weights_of(*resumed.model()).equal(weights_of(*evaluated.model())));
}

CATCH_TEST_CASE("searches that were stopped before their first step say so") {
  auto net = perceptron();
  using T = Trainer<Perceptron, Sixteen, SGD>;
  const Points points(48);
  CATCH_CHECK_THROWS_WITH(
      find_learning_rate<T>(net, points, {}, {.device = c10::kCPU, .stop_after_seconds = 1e-9}),
      ContainsSubstring("no loss to look at"));
  using Scaled =
      Trainer<Perceptron, Preset<Plain{.batch_size = 48}>, SGD,
              Preset<Mixed{.type = MixedType::float16, .initial_scale = 1e30}>>;  // all skipped
  CATCH_CHECK_THROWS_WITH(
      find_learning_rate<Scaled>(net, points, {.steps = 5}, {.device = c10::kCPU}),
      ContainsSubstring("was skipped"));

  StopRequest stop;
  stop.ask();
  const auto sizes = find_batch_size<T>(net, points, {.smallest = 8, .largest = 4096},
                                        {.device = c10::kCPU, .stop = &stop});
  CATCH_CHECK(sizes.trials.empty());
}

CATCH_TEST_CASE("a state that is refused leaves one that was loaded before as it was") {
  using T = Trainer<Perceptron, Sixteen, Preset<SGD{.lr = 0.5}>, Cosine,
                    Preset<Mixed{.type = MixedType::float16, .initial_scale = 1024}>>;
  const Points points(48);
  T trainer(perceptron(), {.epochs = 4, .device = c10::kCPU});
  StateDict saved, stopped;
  AtStep saver{[&](const StepEnd& event) {
    if (event.step == 2) saved = trainer.save_state();
  }};
  trainer.fit(points, saver);
  CATCH_REQUIRE(saved.has("device_steps/taken"));
  const auto whole = weights_of(*trainer.model());

  StateDict other;
  other.put("x", std::int64_t{1});
  const auto as_loaded = [&] {
    trainer.load_state(saved);
    CATCH_CHECK_THROWS_AS(trainer.load_state(other), CheckpointError);
    const auto again = trainer.save_state();
    CATCH_REQUIRE(again.entries().size() == saved.entries().size());
    for (std::size_t i = 0; i < saved.entries().size(); ++i) {
      const auto& [name, tensor] = saved.entries()[i];
      CATCH_INFO(name);
      CATCH_CHECK(again.entries()[i].name == name);
      CATCH_CHECK(again.entries()[i].tensor.equal(tensor));
    }
  };
  as_loaded();
  trainer.fit(points);
  CATCH_CHECK(weights_of(*trainer.model()).equal(whole));

  // Nor does it change what a run has that was not loaded.
  const auto before = trainer.save_state();
  CATCH_CHECK_THROWS_AS(trainer.load_state(other), CheckpointError);
  const auto after = trainer.save_state();
  for (std::size_t i = 0; i < before.entries().size(); ++i) {
    CATCH_CHECK(after.entries()[i].tensor.equal(before.entries()[i].tensor));
  }
}

CATCH_TEST_CASE("a limit of evaluation batches beyond the set is the whole set") {
  Trainer<Perceptron, Sixteen, SGD> trainer(
      perceptron(),
      {.epochs = 1, .device = c10::kCPU, .limit_test_batches = std::int64_t{1} << 60});
  const Points points(48);
  CATCH_CHECK(trainer.fit(points, points).epochs[0].test->samples == 48);
}

CATCH_TEST_CASE("the best checkpoint is forgotten where another value decides which that is") {
  using T = Trainer<Perceptron, Sixteen, Preset<SGD{.lr = 0.1}>>;
  const Points points(48);
  const test::Folder folder;
  const auto part = [&](const char* monitor, std::int64_t steps) {
    T trainer(perceptron(), {.epochs = 8, .device = c10::kCPU, .stop_after_steps = steps});
    Checkpoints checkpoints(trainer, folder.path(), {.best = monitor});
    checkpoints.resume(points, points);
    const auto history = trainer.fit(points, points, checkpoints);
    const auto index = nlohmann::json::parse(test::text_of(folder / "checkpoints.json"))["best"];
    CATCH_CHECK(index["monitor"] == monitor);
    return std::pair(index["step"].get<std::int64_t>(), history);
  };
  CATCH_CHECK(part("accuracy", 6).first <= 6);
  const auto [step, history] = part("loss", 100);
  CATCH_REQUIRE(history.epochs.size() == 8);
  const auto least = std::min_element(
      history.epochs.begin() + 2, history.epochs.end(),
      [](const auto& one, const auto& other) { return *one.test->loss < *other.test->loss; });
  CATCH_CHECK(step == 3 * least->epoch);
}

CATCH_TEST_CASE("steps that are skipped save nothing again") {
  using T = Trainer<Perceptron, Sixteen, Preset<SGD{.lr = 0.1}>, EMA,
                    Preset<Mixed{.type = MixedType::float16, .initial_scale = 1e30}>>;
  T trainer(perceptron(), {.epochs = 2, .device = c10::kCPU});
  const test::Folder folder;
  Checkpoints checkpoints(trainer, folder.path(),
                          {.every_epochs = 0, .every_steps = 1000, .every_seconds = 0});
  AtStep watch{[&](const StepEnd& event) {
    CATCH_CHECK(event.step == 0);
    for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
      CATCH_CHECK(file.path().extension() != ".safetensors");
    }
  }};
  trainer.fit(Points(48), checkpoints, watch);
}

namespace {

/// Numbered images that note which transforms they were given.
struct NotedImages {
  data::ImageDataset images = semantics::noise(30);
  std::map<std::int64_t, std::vector<ImageTransform>>* noted;

  [[nodiscard]] std::int64_t size() const { return images.size(); }
  /// Of the first three another class than of the others.
  [[nodiscard]] at::Tensor targets() const {
    return torch::arange(images.size()).ge(3).to(torch::kLong);
  }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    return images.batch(indices);
  }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices,
                            std::span<const ImageTransform> transforms) const {
    for (std::size_t i = 0; i < indices.size(); ++i) (*noted)[indices[i]].push_back(transforms[i]);
    return images.batch(indices, transforms);
  }
};

}  // namespace

CATCH_TEST_CASE("an image that comes twice in a pass is augmented in another way each time") {
  std::map<std::int64_t, std::vector<ImageTransform>> noted;
  using T = Trainer<ResNet10, Preset<Plain{.batch_size = 10}>, SGD, ClassBalanced, CropFlip>;
  T trainer(semantics::small_net(), {.epochs = 1, .device = c10::kCPU});
  trainer.fit(NotedImages{.noted = &noted});
  CATCH_REQUIRE(noted[0].size() == 5);  // 15 of each class
  std::set<std::pair<std::int64_t, std::int64_t>> shifts;
  for (const auto& transform : noted[0]) shifts.insert({transform.dy, transform.dx});
  CATCH_CHECK(shifts.size() > 2);

  // The device draws the same.
  const auto images = semantics::noise(30).take(12);
  const auto trained = [&]<class Loading>(const Loading&) {
    using On = Trainer<ResNet10, Loading, SGD, ClassBalanced, CropFlip>;
    On on(semantics::small_net(), {.epochs = 2, .device = c10::kCPU});
    on.fit(images);
    return weights_of(*on.model());
  };
  CATCH_CHECK(trained(Preset<Plain{.batch_size = 4}>())
                  .equal(trained(Preset<Resident{.batch_size = 4, .on_cpu = true}>())));
}

CATCH_TEST_CASE("policies refuse data of another form in a sentence") {
  const std::vector<std::int64_t> classes(8, -100);
  CATCH_CHECK_THROWS_WITH(
      ClassBalanced().order({.size = 8, .seed = 1, .pass = 0, .classes = classes}),
      ContainsSubstring("no sample to choose"));
  Trainer<Perceptron, Sixteen, SGD, Preset<CutMix{.classes = 3}>> trainer(perceptron(), two_epochs);
  CATCH_CHECK_THROWS_WITH(trainer.fit(Points(48)), ContainsSubstring("takes images [N, C, H, W]"));
}

namespace {

/// Scores of each of 5 places.
struct PlacesImpl : torch::nn::Module {
  torch::nn::Linear layer = register_module("layer", torch::nn::Linear(1, 3));
  at::Tensor forward(const at::Tensor& x) { return layer(x.unsqueeze(-1)).permute({0, 2, 1}); }
};
TORCH_MODULE(Places);

}  // namespace

CATCH_TEST_CASE("distillation of classes at each place counts places, in parts as in the whole") {
  torch::manual_seed(1);
  Distillation<Places> task{.teacher = Places()};
  task.teacher->eval();
  Places model;
  auto target = torch::randint(0, 3, {4, 5}, torch::kLong);
  target.slice(0, 0, 2).slice(1, 0, 4).fill_(-100);  // the halves count 2 and 10
  const Batch whole{torch::randn({4, 5}), target};
  CATCH_CHECK(task.weight(whole.target) == 12);
  const CrossEntropy loss;
  const auto loss_of = [&](const Batch& batch) {
    return task.forward(model, batch, Criterion(loss, Pass::evaluation)).loss.item<double>();
  };
  double sum = 0;
  for (const std::int64_t half : {0, 1}) {
    const Batch part{whole.input.narrow(0, 2 * half, 2), target.narrow(0, 2 * half, 2)};
    sum += loss_of(part) * task.weight(part.target);
  }
  CATCH_CHECK(loss_of(whole) == Catch::Approx(sum / 12).epsilon(1e-5));
}
