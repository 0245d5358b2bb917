// What is not asked for costs nothing: the trainer against a loop written by hand.
#include "by_hand.hpp"
#include "catch.hpp"
#include "toys.hpp"
#include <gradus/train/trainer.hpp>

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

}  // namespace

CATCH_TEST_CASE("a trainer of neutral policies runs the operators of a loop written by hand") {
  const Points points(100);  // three whole batches and a short one
  auto model = perceptron();
  const auto expected = operators_of([&] { train_by_hand(model, points, Plain{}.batch_size); });
  Trainer<Perceptron> trainer(perceptron(), {.epochs = 1, .device = c10::kCPU});
  const auto found = operators_of([&] { trainer.fit(points); });
  CATCH_CHECK(expected.size() > 100);
  CATCH_CHECK(found == expected);
  CATCH_CHECK(weights_of(*trainer.model()).equal(weights_of(*model)));
}
