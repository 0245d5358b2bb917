#include "catch.hpp"
#include <gradus/train/model/evaluation_mode.hpp>

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/dropout.h>

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
