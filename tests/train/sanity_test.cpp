// What the evaluation before the first step finds: targets that are no class, metrics that no epoch
// will have.
#include "../catch.hpp"
#include "toys.hpp"
#include <gradus/data/tensor_dataset.hpp>
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/loss/negative_log_likelihood.hpp>
#include <gradus/policy/loss/weighted_cross_entropy.hpp>
#include <gradus/policy/metric/recall.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/train/trainer.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

using Small = Preset<Plain{.batch_size = 4}>;
const RunSettings on_cpu{.epochs = 1, .device = c10::kCPU};

Points with_target(std::int64_t place, std::int64_t value) {
  Points points(16);
  points.targets_[place] = value;
  return points;
}

/// Scores of 3 classes for each of 2 x 3 places.
struct PixelsImpl : torch::nn::Module {
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 18));
  at::Tensor forward(const at::Tensor& x) { return head(x).view({-1, 3, 2, 3}).log_softmax(1); }
};
TORCH_MODULE(Pixels);

/// A loss that LibTorch does not look into, and that counts its evaluations.
struct Lenient {
  using slot = gradus::slot::loss;
  static constexpr std::string_view name = "Lenient";
  static constexpr auto fields() { return no_fields; }
  static inline int evaluations = 0;

  at::Tensor loss(const at::Tensor& output, const at::Tensor&) const { return output.mean(); }
  at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    ++evaluations;
    return loss(output, target);
  }
  std::string value_mistake(const at::Tensor&, const at::Tensor& target) const {
    return target.max().item<std::int64_t>() > 2 ? "a class is above 2" : "";
  }
};

/// Gives nothing to compare.
struct Bare {
  using slot = gradus::slot::task;
  static constexpr std::string_view name = "Bare";
  static constexpr auto fields() { return no_fields; }
  TaskResult forward(auto& model, const Batch& batch, const auto& loss) const {
    return {loss(model->forward(batch.input), batch.target)};
  }
};

/// A loss of its own, of one number for each sample, which is no scores of classes.
struct OneNumber {
  using slot = gradus::slot::task;
  static constexpr std::string_view name = "OneNumber";
  static constexpr auto fields() { return no_fields; }
  TaskResult forward(auto& model, const Batch& batch, const auto&) const {
    const auto output = model->forward(batch.input).select(1, 0);
    return {output.square().mean(), output, batch.target};
  }
};

/// Nothing that is called output or target.
struct OwnResult {
  using slot = gradus::slot::task;
  static constexpr std::string_view name = "OwnResult";
  static constexpr auto fields() { return no_fields; }
  struct Result {
    at::Tensor loss;
  };
  Result forward(auto& model, const Batch& batch, const auto& loss) const {
    return {loss(model->forward(batch.input), batch.target)};
  }
};

struct Hears {
  std::vector<std::string> names{"unheard"};
  void on(const FitBegin& event) { names = event.measured.names; }
};

template <class Task>
using ByAccuracy = Trainer<Perceptron, Small, Task, Preset<EarlyStop{.monitor = "accuracy"}>>;

template <class Monitored>
using Monitors = Trainer<Perceptron, Small, Monitored>;
using Accuracy = Preset<EarlyStop{.monitor = "accuracy"}>;
using Loss = Preset<EarlyStop{.monitor = "loss"}>;

}  // namespace

CATCH_TEMPLATE_TEST_CASE("a target that is no class is an error in a sentence", "", CrossEntropy,
                         Preset<CrossEntropy{.label_smoothing = 0.1}>, WeightedCrossEntropy,
                         NegativeLogLikelihood) {
  using T = Trainer<Perceptron, Small, TestType>;
  typename T::policies_type policies;
  if constexpr (requires { policies.template at<slot::loss>().weights; }) {
    policies.template at<slot::loss>().weights = {1, 2, 1};
  }
  for (const std::int64_t value : {3, -1, 12, -101}) {
    T trainer(perceptron(), on_cpu, policies);
    const auto weights = weights_of(*trainer.model());
    const auto sentence = ContainsSubstring(
        "of axis loss cannot be computed on this data: target 1 of a batch is class " +
        std::to_string(value) + ", but the model gives 3 scores; expected 0 to 2");
    CATCH_CHECK_THROWS_WITH(trainer.fit(Points(16), with_target(1, value)), sentence);
    CATCH_CHECK_THROWS_AS(trainer.evaluate(with_target(5, value)), DataError);
    CATCH_CHECK(weights_of(*trainer.model()).equal(weights));
    CATCH_CHECK_THROWS_AS(trainer.fit(with_target(5, value)), DataError);
  }
  T trainer(perceptron(), on_cpu, policies);
  CATCH_CHECK(trainer.fit(with_target(1, -100), with_target(1, -100)).epochs.size() == 1);
}

CATCH_TEMPLATE_TEST_CASE("a pixel that is no class is an error in a sentence", "", CrossEntropy,
                         NegativeLogLikelihood) {
  Trainer<Pixels, Small, TestType> trainer(Pixels(), on_cpu);
  for (const auto type : {at::kLong, at::kByte}) {
    auto targets = torch::zeros({8, 2, 3}, type);
    targets[0][1][1] = 7;
    const data::TensorDataset set(Batch{Points(8).inputs_, targets});
    CATCH_CHECK_THROWS_WITH(trainer.evaluate(set),
                            ContainsSubstring("target 4 of a batch is class 7"));
  }
}

CATCH_TEST_CASE(
    "before the first step the values of targets are checked before the loss is asked") {
  Trainer<Perceptron, Small, Lenient> trainer(perceptron(), on_cpu);
  Lenient::evaluations = 0;
  CATCH_CHECK_THROWS_WITH(trainer.fit(Points(16), with_target(3, 9)),
                          "policy Lenient of axis loss cannot be computed on this data: a class is "
                          "above 2.");
  CATCH_CHECK(Lenient::evaluations == 0);
  CATCH_CHECK(trainer.evaluate(with_target(3, 9)).loss);  // later only what throws is looked into
  CATCH_CHECK(trainer.fit(Points(16), Points(16)).epochs.size() == 1);
}

CATCH_TEMPLATE_TEST_CASE("an accuracy that the task gives nothing for cannot be monitored", "",
                         Bare, OneNumber, OwnResult) {
  ByAccuracy<TestType> trainer(perceptron(), on_cpu);
  const auto weights = weights_of(*trainer.model());
  CATCH_CHECK_THROWS_WITH(trainer.fit(Points(16), Points(16)),
                          ContainsSubstring("EarlyStop of axis stopping monitors the held-out "
                                            "accuracy, but the loss policy has no `correct`, or "
                                            "the task gives it nothing to compare"));
  CATCH_CHECK(weights_of(*trainer.model()).equal(weights));
  Trainer<Perceptron, Small, TestType, EarlyStop> by_loss(perceptron(), on_cpu);
  Hears hears;
  CATCH_CHECK(by_loss.fit(Points(16), Points(16), hears).epochs.size() == 1);
  CATCH_CHECK(hears.names.empty());  // by which observers refuse, such as those that keep the best
}

CATCH_TEMPLATE_TEST_CASE("what no target counts for cannot be monitored", "", Accuracy, Loss) {
  const auto sentence = ContainsSubstring("or none whose target counts");
  auto few = Points(16);
  few.targets_.fill_(-100);
  CATCH_CHECK_THROWS_WITH(Monitors<TestType>(perceptron(), on_cpu).fit(Points(16), few), sentence);
  // More than are evaluated before the first step: only a set with targets() can tell.
  auto many = Points(100);
  many.targets_.fill_(-100);
  const auto set = [&] { return data::TensorDataset(Batch{many.inputs_, many.targets_}); };
  auto no_sanity = on_cpu;
  no_sanity.sanity_samples = 0;
  for (const auto& run : {on_cpu, no_sanity}) {
    CATCH_CHECK_THROWS_WITH(Monitors<TestType>(perceptron(), run).fit(Points(16), set()), sentence);
  }
  many.targets_[99] = 1;
  CATCH_CHECK(Monitors<TestType>(perceptron(), on_cpu).fit(Points(16), many).epochs.size() == 1);
  CATCH_CHECK(Monitors<TestType>(perceptron(), on_cpu).fit(Points(16), set()).epochs.size() == 1);
  auto limited = on_cpu;
  limited.evaluation_batch_size = 50;
  limited.limit_test_batches = 1;
  CATCH_CHECK_THROWS_WITH(Monitors<TestType>(perceptron(), limited).fit(Points(16), set()),
                          sentence);
}

CATCH_TEMPLATE_TEST_CASE("a batch that the model cannot compute is named by its form", "",
                         Perceptron, torch::nn::Embedding) {
  const auto refusal = [](const auto& set) {
    auto model = [] {
      if constexpr (std::is_same_v<TestType, Perceptron>) {
        return perceptron();
      } else {
        return torch::nn::Embedding(10, 3);
      }
    }();
    Trainer<TestType, Small> trainer(model, on_cpu);
    try {
      trainer.fit(set);
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto targets = torch::zeros({8}, at::kLong);
  if constexpr (std::is_same_v<TestType, Perceptron>) {
    const data::TensorDataset doubles(Batch{torch::zeros({8, 6}, at::kDouble), targets});
    CATCH_CHECK_THAT(refusal(doubles), ContainsSubstring("Double [4, 6], Long [4]; see whether"));
    const data::TensorDataset narrow(Batch{torch::zeros({8, 5}), targets});
    CATCH_CHECK_THAT(refusal(narrow), ContainsSubstring("Float [4, 5], Long [4]; see whether") &&
                                          ContainsSubstring("cannot be multiplied"));
  } else {
    const data::TensorDataset ids(Batch{torch::full({8}, 10), targets});
    CATCH_CHECK_THAT(refusal(ids), ContainsSubstring("sizes of tables fit"));
  }
}

CATCH_TEST_CASE("outputs with the classes last are told of the task that takes them") {
  Trainer<torch::nn::Embedding, Small> trainer(torch::nn::Embedding(10, 10), on_cpu);
  const auto ids = torch::zeros({8, 5}, at::kLong);
  CATCH_CHECK_THROWS_WITH(trainer.fit(data::TensorDataset(Batch{ids, ids})),
                          ContainsSubstring("choose task NextToken"));
}

CATCH_TEST_CASE("class weights that are all 0 are refused") {
  typename Trainer<Perceptron, Small, WeightedCrossEntropy>::policies_type policies;
  policies.at<slot::loss>().weights = {0, 0, 0};
  using T = Trainer<Perceptron, Small, WeightedCrossEntropy>;
  CATCH_CHECK_THROWS_WITH(T(perceptron(), on_cpu, policies),
                          ContainsSubstring("all weights are 0"));
}

CATCH_TEST_CASE("a loss that is not finite before the first step is blamed on no learning rate") {
  Points points(8);
  points.inputs_[3] = std::numeric_limits<float>::quiet_NaN();
  Trainer<Perceptron, Small> trainer(perceptron(), on_cpu);
  CATCH_CHECK_THROWS_WITH(trainer.fit(Points(8), points),
                          ContainsSubstring("before anything was learned"));
}

CATCH_TEST_CASE("a metric that nobody has measured is an error with the nearest one") {
  Trainer<Perceptron, Small, Recall<>> trainer(perceptron(), on_cpu);
  const auto found = trainer.evaluate(Points(8));
  CATCH_CHECK(found.metric("recall_macro"));
  CATCH_CHECK_THROWS_WITH(found.metric("recal_macro"),
                          ContainsSubstring("did you mean 'recall_macro'?"));
  CATCH_CHECK(found.find("recal_macro") == nullptr);
}

CATCH_TEST_CASE("the evaluation before a second run knows nothing of the first one") {
  Points broken(8);
  broken.inputs_[3] = std::numeric_limits<float>::quiet_NaN();
  Trainer<Perceptron, Small> trainer(perceptron(), on_cpu);
  trainer.fit(Points(16), Points(8));
  CATCH_CHECK_THROWS_WITH(trainer.fit(Points(16), broken),
                          ContainsSubstring("before anything was learned"));

  // A first run that has ended in averages that are not numbers.
  Points lost(16);
  lost.inputs_.fill_(std::numeric_limits<float>::quiet_NaN());
  Trainer<Perceptron, Small, EMA> averaged(perceptron(), on_cpu);
  const auto good = weights_of(*averaged.model());
  CATCH_CHECK_THROWS_AS(averaged.fit(lost, Points(8)), NumericError);
  const auto whole = perceptron();
  const at::NoGradGuard no_grad;
  const auto own = averaged.model()->parameters();
  for (std::size_t i = 0; i < own.size(); ++i) own[i].copy_(whole->parameters()[i]);
  CATCH_REQUIRE(weights_of(*averaged.model()).equal(good));
  const at::AutoGradMode gradients(true);
  CATCH_CHECK(averaged.fit(Points(16), Points(8)).epochs.size() == 1);
}
