// Metrics and losses against scikit-learn, torchmetrics and Python PyTorch (make_metrics.py).
#include "../catch.hpp"
#include "../folder.hpp"
#include <gradus/policy/loss/absolute_error.hpp>
#include <gradus/policy/loss/binary_cross_entropy.hpp>
#include <gradus/policy/loss/huber.hpp>
#include <gradus/policy/loss/kl_divergence.hpp>
#include <gradus/policy/loss/negative_log_likelihood.hpp>
#include <gradus/policy/loss/squared_error.hpp>
#include <gradus/policy/loss/weighted_cross_entropy.hpp>
#include <gradus/policy/metric/accuracy.hpp>
#include <gradus/policy/metric/auroc.hpp>
#include <gradus/policy/metric/confusion_matrix.hpp>
#include <gradus/policy/metric/f1.hpp>
#include <gradus/policy/metric/mean_absolute_error.hpp>
#include <gradus/policy/metric/mean_squared_error.hpp>
#include <gradus/policy/metric/perplexity.hpp>
#include <gradus/policy/metric/precision.hpp>
#include <gradus/policy/metric/r2.hpp>
#include <gradus/policy/metric/recall.hpp>
#include <gradus/policy/metric/top_k.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace gradus;
using nlohmann::json;

namespace {

json recorded(const std::string& file) {
  return json::parse(test::text_of(std::filesystem::path(GRADUS_PARITY) / file));
}

/// Numbers that are exact in float32 and easy to make again: multiples of 1/64.
at::Tensor waves(std::vector<std::int64_t> shape, double step = 0.7, double shift = 0) {
  auto count = std::int64_t{1};
  for (const auto side : shape) count *= side;
  const auto angles = torch::arange(count, torch::kDouble) * step + shift;
  return ((angles.sin() * 128).round() / 64).to(torch::kFloat).reshape(shape);
}

/// Of the whole, and of three parts that were added up in another order.
template <class Metric>
void check(const json& found, const at::Tensor& output, const at::Tensor& target,
           const Metric& metric = {}, double tolerance = 1e-6) {
  const std::string label{std::string_view(Metric::label)};
  CATCH_INFO(label);
  const auto rows = output.size(0);
  const auto tally = [&](std::int64_t begin, std::int64_t end) {
    return metric.tally(output.slice(0, begin, end), target.slice(0, begin, end));
  };
  const auto whole = metric.value(tally(0, rows));
  const auto sum = tally(rows / 2, rows) + tally(0, rows / 5) + tally(rows / 5, rows / 2);
  const auto parts = metric.value(sum);
  CATCH_REQUIRE(whole.has_value());
  CATCH_REQUIRE(parts.has_value());
  CATCH_CHECK(std::abs(*whole - found.at(label).get<double>()) <
              tolerance * std::max(1.0, std::abs(*whole)));
  CATCH_CHECK(std::abs(*whole - *parts) < 1e-9 * std::max(1.0, std::abs(*whole)));
}

template <class Loss>
void check_loss(const std::string& name, const at::Tensor& target, const Loss& policy = {}) {
  CATCH_INFO(name);
  const auto found = recorded("losses.json").at(name);
  const auto output = waves({12, 3}).requires_grad_();
  const auto loss = policy.loss(output, target);
  loss.backward();
  CATCH_CHECK(loss.dim() == 0);
  CATCH_CHECK(std::abs(loss.template item<double>() - found.at("value").template get<double>()) <
              1e-6);
  const auto gradient = torch::tensor(found.at("gradient").template get<std::vector<float>>());
  CATCH_CHECK(torch::allclose(output.grad().flatten(), gradient, 1e-5, 1e-7));
  CATCH_CHECK(policy.target_mistake(output, target).empty());

  // Windows of unequal parts weigh rightly.
  double sum = 0;
  double weight = 0;
  for (const auto [begin, end] : {std::pair{0, 5}, {5, 6}, {6, 12}}) {
    const auto part = target.slice(0, begin, end);
    const double held = policy.weight(part);
    sum += held * policy.loss(output.slice(0, begin, end), part).template item<double>();
    weight += held;
  }
  CATCH_CHECK(std::abs(sum / weight - loss.template item<double>()) < 1e-6);
}

}  // namespace

CATCH_TEST_CASE("metrics of classes are those of scikit-learn and torchmetrics") {
  const auto found = recorded("metrics.json").at("classes");
  auto scores = waves({60, 5});
  scores.select(1, 4).sub_(8);
  const auto k = torch::arange(60);
  auto target = (k * 7 + k.floor_divide(3)).remainder(4);
  target.slice(0, 0, 60, 10).fill_(-100);

  check(found, scores, target, Accuracy());
  check(found, scores, target, TopK<2>());
  check(found, scores, target, Precision<Average::macro>());
  check(found, scores, target, Precision<Average::micro>());
  check(found, scores, target, Recall<Average::macro>());
  check(found, scores, target, Recall<Average::micro>());
  check(found, scores, target, F1<Average::macro>());
  check(found, scores, target, F1<Average::micro>());
  check(found, scores, target, Auroc{.bins = 1 << 20});
  check(found, scores, target, Perplexity(), 1e-5);
  const ConfusionMatrix matrix;
  const auto counted = matrix.values(matrix.tally(scores, target)).flatten();
  CATCH_CHECK(counted.equal(
      torch::tensor(found.at("confusion_matrix").get<std::vector<double>>(), torch::kDouble)));
}

CATCH_TEST_CASE("metrics of several labels are those of scikit-learn and torchmetrics") {
  const auto found = recorded("metrics.json").at("labels");
  const auto scores = waves({40, 3}, 0.9);
  auto target = waves({40, 3}, 1.7, 1.0).gt(0.5).to(torch::kLong);
  target.select(1, 2).zero_();

  check(found, scores, target, Accuracy());
  check(found, scores, target, Precision<Average::macro>());
  check(found, scores, target, Precision<Average::micro>());
  check(found, scores, target, Recall<Average::macro>());
  check(found, scores, target, Recall<Average::micro>());
  check(found, scores, target, F1<Average::macro>());
  check(found, scores, target, F1<Average::micro>());
  check(found, scores, target, Auroc{.bins = 1 << 20});
}

CATCH_TEST_CASE("metrics of a regression are those of scikit-learn and torchmetrics") {
  const auto found = recorded("metrics.json").at("regression");
  const auto output = waves({50, 2});
  const auto target = waves({50, 2}, 0.71) + 3;
  check(found, output, target, MeanAbsoluteError());
  check(found, output, target, MeanSquaredError());
  check(found, output, target, R2());
  // Targets far from zero, where float32 has no digit left for their variance.
  const auto k = torch::arange(100, torch::kFloat);
  const auto far = k / 100 + 10000;
  CATCH_CHECK(std::abs(*R2().value(R2().tally(far + 0.1 * k.sin(), far)) - 0.94) < 0.001);
  const auto same = torch::full({1000}, 0.1F);  // whose sums differ by rounding
  CATCH_CHECK_FALSE(R2().value(R2().tally(same + 0.01, same)).has_value());
  CATCH_CHECK_FALSE(R2().value(R2().tally(output, torch::ones({50, 2}))).has_value());
}

CATCH_TEST_CASE("losses and their gradients are those of PyTorch") {
  const auto near = waves({12, 3}, 0.3);
  auto classes = (torch::arange(12) * 5).remainder(3);
  classes[4] = -100;
  const auto yes = waves({12, 3}, 1.3).gt(0);
  const auto parts = (waves({12, 3}, 0.4) / 2).softmax(1);
  const std::vector<double> weights{0.5, 2.0, 1.25};

  check_loss("squared_error", near, SquaredError());
  check_loss("absolute_error", near, AbsoluteError());
  check_loss("huber", near, Huber{.delta = 0.75});
  check_loss("binary_cross_entropy", yes, BinaryCrossEntropy());
  check_loss("binary_cross_entropy_weighted", yes.to(torch::kFloat),
             BinaryCrossEntropy{.positive_weights = weights});
  check_loss("kl_divergence", parts, KLDivergence());
  const auto log_scores = recorded("losses.json").at("negative_log_likelihood");
  const auto scores = waves({12, 3}).requires_grad_();
  const auto loss = NegativeLogLikelihood().loss(scores.log_softmax(1), classes);
  loss.backward();
  CATCH_CHECK(std::abs(loss.item<double>() - log_scores.at("value").get<double>()) < 1e-6);
  CATCH_CHECK(torch::allclose(scores.grad().flatten(),
                              torch::tensor(log_scores.at("gradient").get<std::vector<float>>()),
                              1e-5, 1e-7));
}

CATCH_TEST_CASE("class weights are in the loss, its gradient and the mean over parts") {
  auto classes = (torch::arange(12) * 5).remainder(3);
  classes[4] = -100;
  check_loss("weighted_cross_entropy", classes,
             WeightedCrossEntropy{.label_smoothing = 0.1, .weights = {0.5, 2.0, 1.25}});
  const WeightedCrossEntropy few{.weights = {1, 2}};
  CATCH_CHECK(few.target_mistake(waves({12, 3}), classes).find("2 weights for 3 classes") !=
              std::string::npos);
}

CATCH_TEST_CASE("targets between no and yes, and of another floating type, are taken") {
  const auto scores = waves({40, 3}, 0.9);
  const auto yes = waves({40, 3}, 1.7, 1.0).gt(0.5);
  const auto smooth = yes.to(torch::kFloat) * 0.9 + 0.05;
  CATCH_CHECK(*F1<>().value(F1<>().tally(scores, smooth)) ==
              *F1<>().value(F1<>().tally(scores, yes)));
  CATCH_CHECK(*Auroc().value(Auroc().tally(scores, smooth)) ==
              *Auroc().value(Auroc().tally(scores, yes)));
  CATCH_CHECK(Accuracy().tally(scores, smooth).equal(Accuracy().tally(scores, yes)));

  const auto exact = waves({40, 3}, 0.3).to(torch::kDouble);
  const auto check_type = [&](const auto& policy) {
    const auto output = waves({40, 3}).requires_grad_();
    const auto loss = policy.loss(output, exact);
    loss.backward();
    CATCH_CHECK(loss.scalar_type() == torch::kFloat);
    CATCH_CHECK(output.grad().defined());
  };
  check_type(SquaredError());
  check_type(AbsoluteError());
  check_type(Huber());
  check_type(KLDivergence());
}

CATCH_TEST_CASE("outputs and targets that would broadcast are refused") {
  const auto flat = torch::zeros({4});
  const auto column = torch::zeros({4, 1});
  CATCH_CHECK_FALSE(SquaredError().target_mistake(column, flat).empty());
  CATCH_CHECK_FALSE(AbsoluteError().target_mistake(column, flat).empty());
  CATCH_CHECK_FALSE(Huber().target_mistake(column, flat).empty());
  CATCH_CHECK_FALSE(BinaryCrossEntropy().target_mistake(column, flat).empty());
  CATCH_CHECK_FALSE(MeanSquaredError().form_mistake(column, flat).empty());
  CATCH_CHECK_FALSE(R2().form_mistake(column, flat).empty());
  CATCH_CHECK_FALSE(F1<>().form_mistake(column, flat).empty());
  CATCH_CHECK(SquaredError().target_mistake(flat, flat).empty());
}
