#include "catch.hpp"
#include <gradus/train/model/evaluation_mode.hpp>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/dropout.h>

#include <memory>
#include <string>
#include <vector>

CATCH_TEST_CASE("evaluation mode leaves each part as it was, a frozen one too") {
  torch::nn::Dropout frozen;
  torch::nn::Dropout trained;
  torch::nn::Sequential whole(frozen, trained);
  frozen->eval();
  try {
    const gradus::EvaluationMode mode(*whole);
    CATCH_CHECK_FALSE(whole->is_training());
    CATCH_CHECK_FALSE(trained->is_training());
    throw 1;
  } catch (int) {
  }
  CATCH_CHECK(whole->is_training());
  CATCH_CHECK(trained->is_training());
  CATCH_CHECK_FALSE(frozen->is_training());
}

namespace {

using Part = std::shared_ptr<torch::nn::Module>;

Part part_of(const std::vector<Part>& parts) {
  auto whole = std::make_shared<torch::nn::Module>();
  for (const auto& part : parts) {
    whole->register_module(std::to_string(whole->children().size()), part);
  }
  return whole;
}

/// Its norm keeps its statistics, whatever it is told.
struct KeepsNormImpl : torch::nn::Module {
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(2));
  torch::nn::Dropout dropout = register_module("dropout", torch::nn::Dropout());

  void train(bool on = true) override {
    Module::train(on);
    norm->eval();
  }
};

}  // namespace

CATCH_TEST_CASE("a part in training mode within one in evaluation mode trains, at any depth") {
  const auto frozen = part_of({}), trained = part_of({}), deep = part_of({}), head = part_of({});
  const auto between = part_of({deep});
  const auto inner = part_of({frozen, trained, between});
  const auto backbone = part_of({inner});
  const auto whole = part_of({backbone, head});
  backbone->eval();
  trained->train();
  deep->train();
  for (int epoch = 0; epoch < 2; ++epoch) {
    gradus::start_training(*whole);
    for (const auto& part : {whole, head, trained, deep}) CATCH_CHECK(part->is_training());
    for (const auto& part : {backbone, inner, frozen, between}) {
      CATCH_CHECK_FALSE(part->is_training());
    }
  }
}

CATCH_TEST_CASE("what a model's own `train` leaves in evaluation mode stays so, within parts too") {
  const auto part = std::make_shared<KeepsNormImpl>();
  const auto backbone = part_of({part});
  const auto whole = part_of({backbone});
  backbone->eval();
  part->train();
  part->norm->train();  // by hand, against its `train`
  gradus::start_training(*whole);
  CATCH_CHECK_FALSE(backbone->is_training());
  CATCH_CHECK(part->is_training());
  CATCH_CHECK(part->dropout->is_training());
  CATCH_CHECK_FALSE(part->norm->is_training());

  const auto alone = std::make_shared<KeepsNormImpl>();
  gradus::start_training(*alone);
  CATCH_CHECK(alone->dropout->is_training());
  CATCH_CHECK_FALSE(alone->norm->is_training());
}
