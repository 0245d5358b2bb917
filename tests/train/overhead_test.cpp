// What is not asked for costs nothing: the trainer against a loop written by hand.
#include "catch.hpp"
#include "toys.hpp"
#include <gradus/data/sampling.hpp>
#include <gradus/train/trainer.hpp>

#include <ATen/ops/_fused_sgd.h>
#include <ATen/record_function.h>

#include <string>
#include <vector>

using namespace gradus;

namespace {

std::vector<std::string>* recorded = nullptr;

/// Names of the ATen operators that `body` runs, in order.
template <class Body>
std::vector<std::string> operators_of(Body&& body) {
  std::vector<std::string> names;
  recorded = &names;
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback([](const at::RecordFunction& function)
                                     -> std::unique_ptr<at::ObserverContext> {
        recorded->emplace_back(function.name());
        return nullptr;
      }).scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  body();
  at::removeCallback(handle);
  recorded = nullptr;
  return names;
}

constexpr std::int64_t batch_size = 32;

/// The loop that one would write by hand with LibTorch, with the same care: gradients are freed,
/// and the loss is summed without a read per step.
void by_hand(Perceptron& model, const Points& points) {
  const auto parameters = model->parameters();
  const auto order = data::epoch_order(points.size(), 0, 0);
  for (const auto& parameter : parameters) parameter.mutable_grad().reset();
  model->train();
  auto sum = at::zeros({}, at::device(at::kCPU).dtype(at::kFloat));
  for (std::int64_t first = 0; first < points.size(); first += batch_size) {
    const auto size = std::min(batch_size, points.size() - first);
    const auto batch = points.batch(std::span(order).subspan(first, size));
    const auto loss = at::cross_entropy_loss(model->forward(batch.input), batch.target, {},
                                             at::Reduction::Mean, -100, 0.0);
    sum.add_(loss.detach(), size);
    loss.backward();
    std::vector<at::Tensor> weights;
    std::vector<at::Tensor> gradients;
    for (const auto& parameter : parameters) {
      weights.push_back(parameter.detach());
      gradients.push_back(parameter.grad());
    }
    at::_fused_sgd_(weights, gradients, {}, 0, 0, 0.01, 0, false, false, false);
    for (const auto& parameter : parameters) parameter.mutable_grad().reset();
  }
  static_cast<void>(sum.item<float>());
  sum.zero_();
}

}  // namespace

CATCH_TEST_CASE("a trainer of neutral policies runs the operators of a loop written by hand") {
  const Points points(100);  // three whole batches and a short one
  auto model = perceptron();
  const auto expected = operators_of([&] { by_hand(model, points); });
  Trainer<Perceptron> trainer(perceptron(), {.epochs = 1, .device = c10::kCPU});
  const auto found = operators_of([&] { trainer.fit(points); });
  CATCH_CHECK(expected.size() > 100);
  CATCH_CHECK(found == expected);
  CATCH_CHECK(weights_of(*trainer.model()).equal(weights_of(*model)));
}
