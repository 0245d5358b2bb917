// Each schedule, and ResNet10 itself, step by step, against Python PyTorch's
// (make_trajectories.py).
#include "trajectories.hpp"
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/policy/schedule/cosine_restarts.hpp>
#include <gradus/policy/schedule/exponential.hpp>
#include <gradus/policy/schedule/multi_step.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/schedule/polynomial.hpp>
#include <gradus/policy/schedule/reduce_on_plateau.hpp>
#include <gradus/policy/schedule/sequence.hpp>
#include <gradus/policy/schedule/step_decay.hpp>
#include <gradus/policy/schedule/warmup.hpp>
#include <gradus/policy/sharing/share_early_layer.hpp>

using namespace parity;

template <class Schedule, class Optimizer = AdamW>
using Under = Trainer<Perceptron, Accumulate, Optimizer, Schedule>;

CATCH_TEST_CASE("the shipped data are what the parity scripts read") {
  const auto batch = images("data_batch_1.bin", 4);
  CATCH_CHECK(batch.input.min().item<float>() >= -0.5F);
  CATCH_CHECK(batch.target.max().item<std::int64_t>() <= 9);
}

CATCH_TEST_CASE("schedules give PyTorch's rates and losses") {
  check_case<Under<OneCycle>>("OneCycle");
  check_case<Under<OneCycle>>("OneCycle, linear, of three phases");
  check_case<Under<OneCycle>>("500 steps of AdamW under OneCycle");
  check_case<Under<OneCycle, SGD>>("OneCycle over SGD");
  check_case<Under<Cosine>>("Cosine");
  check_case<Under<CosineRestarts>>("CosineRestarts");
  check_case<Under<StepDecay>>("StepDecay");
  check_case<Under<MultiStep, SGD>>("MultiStep");
  check_case<Under<Exponential>>("Exponential");
  check_case<Under<Polynomial>>("Polynomial");
  check_case<Under<Warmup<Cosine>>>("Warmup before Cosine");
  check_case<Under<Sequence<Constant, Polynomial>>>("Constant, then Polynomial");
  check_case<Under<ReduceOnPlateau, SGD>>("ReduceOnPlateau");
}

CATCH_TEST_CASE("convolutions under a schedule go PyTorch's way") {
  check_case<Trainer<ConvNet, Accumulate, AdamW, OneCycle>>(
      "convolutions under AdamW and OneCycle");
  check_case<Trainer<ConvNet, Accumulate, AdamW, Cosine>>(
      "500 steps of convolutions under AdamW and Cosine");
}

CATCH_TEST_CASE("ResNet10 goes PyTorch's way, to the same test-set outputs") {
  check_case<Trainer<ResNet10, Accumulate>>("ResNet10 under SGD");
  check_case<Trainer<ResNet10, Accumulate, AdamW, OneCycle, ShareEarlyLayer>>(
      "ResNet10 under AdamW and OneCycle, an early layer shared");
}
