// Metrics and losses against scikit-learn, torchmetrics and Python PyTorch (make_metrics.py).
#include "../catch.hpp"
#include "../folder.hpp"
#include <gradus/error.hpp>
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

#include <c10/core/InferenceMode.h>

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

CATCH_TEMPLATE_TEST_CASE("labels of images are dimension 1, whatever comes behind", "", F1<>,
                         F1<Average::micro>, Precision<>, Recall<>, Auroc) {
  const TestType metric;
  const auto scores = waves({6, 3, 4, 5}, 0.9);
  const auto yes = waves({6, 3, 4, 5}, 1.7, 1.0).gt(0.5);
  const auto as_rows = [](const at::Tensor& x) { return x.permute({0, 2, 3, 1}).reshape({-1, 3}); };
  CATCH_CHECK(metric.tally(scores, yes).equal(metric.tally(as_rows(scores), as_rows(yes))));
  CATCH_CHECK(metric.values(metric.tally(scores, yes)).size(0) == 3);

  // A mask that fills the left half, found without a mistake: 1 for one label.
  const auto mask = torch::zeros({2, 1, 4, 8});
  mask.slice(3, 0, 4).fill_(1);
  CATCH_CHECK(*metric.value(metric.tally(4 * mask - 2, mask)) == 1);
  // Sequences of any length add up.
  const auto sum = metric.tally(scores.flatten(2), yes.flatten(2)) +
                   metric.tally(scores.flatten(2).narrow(2, 0, 7), yes.flatten(2).narrow(2, 0, 7));
  CATCH_CHECK(metric.value(sum).has_value());
}

CATCH_TEST_CASE("one score for each sample is no score of classes") {
  const auto column = torch::randn({6, 1});
  const auto classes = torch::tensor({0, 1, 0, 1, 1, 0});
  const auto refuses = [&](const auto& metric) {
    CATCH_CHECK_THAT(metric.form_mistake(column, classes),
                     Catch::Matchers::ContainsSubstring("2 classes or more"));
    CATCH_CHECK(metric.form_mistake(torch::randn({6, 2}), classes).empty());
  };
  refuses(F1<>());
  refuses(Precision<>());
  refuses(Recall<>());
  refuses(Accuracy());
  refuses(Auroc());
  refuses(ConfusionMatrix());
  refuses(Perplexity());
  CATCH_CHECK_FALSE(TopK<1>().form_mistake(column, classes).empty());
  CATCH_CHECK(TopK<1>().form_mistake(torch::randn({6, 2}), classes).empty());
  CATCH_CHECK_FALSE(KLDivergence().target_mistake(column, column.abs()).empty());
}

CATCH_TEST_CASE("a target that is no class is not counted as one that is ignored") {
  const auto scores = torch::tensor({{1.0F, 0.0F}, {1.0F, 0.0F}, {0.0F, 1.0F}});  // 0, 0, 1
  const auto refuses = [&](const auto& metric, std::int64_t wrong) {
    const auto target = torch::tensor({wrong, std::int64_t{0}, std::int64_t{-100}});
    CATCH_CHECK_THROWS_WITH(
        metric.tally(scores, target),
        Catch::Matchers::ContainsSubstring("class " + std::to_string(wrong) + "; expected 0 to 1"));
    CATCH_CHECK_THROWS_AS(metric.tally(scores, target), DataError);
  };
  for (const std::int64_t wrong : {2, 3, -1}) {
    refuses(F1<>(), wrong);
    refuses(ConfusionMatrix(), wrong);
    refuses(Auroc(), wrong);
  }
  const auto ignored = torch::tensor({-100, 0, -100}, torch::kLong);
  CATCH_CHECK(ConfusionMatrix()
                  .tally(scores, ignored)
                  .equal(torch::tensor({{1, 0}, {0, 0}}, torch::kLong)));
}

CATCH_TEST_CASE("positive weights are those of the labels of dimension 1") {
  const BinaryCrossEntropy each{.positive_weights = {0.5, 2.0, 1.25}};
  const auto scores = waves({4, 3, 2, 3}, 0.9);  // as many columns as labels
  const auto yes = waves({4, 3, 2, 3}, 1.7, 1.0).gt(0.5);
  const auto as_rows = [](const at::Tensor& x) { return x.permute({0, 2, 3, 1}).reshape({-1, 3}); };
  CATCH_CHECK(torch::allclose(each.loss(scores, yes), each.loss(as_rows(scores), as_rows(yes))));
  CATCH_CHECK(each.target_mistake(scores, yes).empty());
  CATCH_CHECK_THAT(each.target_mistake(waves({4, 2, 3}), waves({4, 2, 3})),
                   Catch::Matchers::ContainsSubstring("3 positive weights for 2 labels"));
  // Outputs [N] are of one label, however many samples there are.
  CATCH_CHECK_THAT(each.target_mistake(waves({3}), waves({3})),
                   Catch::Matchers::ContainsSubstring("3 positive weights for 1 label"));
  CATCH_CHECK(
      BinaryCrossEntropy{.positive_weights = {2}}.target_mistake(waves({3}), waves({3})).empty());
}

CATCH_TEST_CASE("a loss with weights that was first computed in inference mode can be trained") {
  const std::vector<double> weights{0.125, 2.5, 7.75};  // of no other test: they are kept
  const WeightedCrossEntropy of_classes{.weights = weights};
  const BinaryCrossEntropy of_labels{.positive_weights = weights};
  const auto classes = torch::arange(12).remainder(3);
  {
    const c10::InferenceMode serving;
    static_cast<void>(of_classes.evaluate(waves({12, 3}), classes));
    static_cast<void>(of_labels.evaluate(waves({12, 3}).to(torch::kDouble), waves({12, 3}).gt(0)));
  }
  auto output = waves({12, 3}).requires_grad_();
  CATCH_CHECK_NOTHROW(of_classes.loss(output, classes).backward());
  auto exact = waves({12, 3}).to(torch::kDouble).requires_grad_();
  CATCH_CHECK_NOTHROW(of_labels.loss(exact, waves({12, 3}).gt(0)).backward());
}
