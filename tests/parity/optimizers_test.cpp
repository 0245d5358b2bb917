// Each optimizer, clipping, accumulation, averaging and precision, step by step, against Python
// PyTorch's (make_trajectories.py).
#include "trajectories.hpp"
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/averaging/optimizer_average.hpp>
#include <gradus/policy/averaging/swa.hpp>
#include <gradus/policy/clipping/clip_norm.hpp>
#include <gradus/policy/clipping/clip_value.hpp>
#include <gradus/policy/optimizer/adafactor.hpp>
#include <gradus/policy/optimizer/adam.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/lion.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/rmsprop.hpp>
#include <gradus/policy/optimizer/schedule_free_adamw.hpp>
#include <gradus/policy/schedule/constant.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/schedule/warmup.hpp>

using namespace parity;

template <class... Policies>
using OfPerceptron = Trainer<Perceptron, Accumulate, Policies...>;
template <class... Policies>
using OfConvNet = Trainer<ConvNet, Accumulate, Policies...>;

CATCH_TEST_CASE("SGD goes PyTorch's way") {
  using T = OfPerceptron<SGD>;
  check_case<T>("SGD");
  check_case<T>("SGD with momentum");
  check_case<T>("SGD with Nesterov momentum and decay");
  check_case<T>("SGD with dampening");
  check_case<T>("SGD that decays weights only");
  check_case<T>("accumulation with a short last window and batch");
  check_case<T>("500 steps of SGD with momentum");
  check_case<OfConvNet<SGD>>("convolutions under SGD");
}

CATCH_TEST_CASE("Adam and AdamW go PyTorch's way") {
  check_case<OfPerceptron<Adam>>("Adam");
  check_case<OfPerceptron<Adam>>("Adam with L2 penalty");
  check_case<OfPerceptron<Adam>>("Adam that decays weights only");
  check_case<OfPerceptron<AdamW>>("AdamW");
  check_case<OfPerceptron<AdamW>>("AdamW that decays weights only");
  check_case<OfConvNet<AdamW>>("label smoothing");
}

CATCH_TEST_CASE("RMSprop, Lion, Adafactor and Muon go their reference's way") {
  check_case<OfPerceptron<RMSprop>>("RMSprop");
  check_case<OfPerceptron<RMSprop>>("RMSprop, centered, with momentum and decay");
  check_case<OfPerceptron<Lion>>("Lion");
  check_case<OfPerceptron<Adafactor>>("Adafactor", Kernels::other);
  check_case<OfPerceptron<Adafactor>>("Adafactor with decay", Kernels::other);
  check_case<OfPerceptron<Muon>>("Muon", Kernels::finer);
  check_case<OfPerceptron<Muon>>("Muon at AdamW's rate without Nesterov", Kernels::finer);
  check_case<OfConvNet<Muon>>("convolutions under Muon", Kernels::finer);
}

CATCH_TEST_CASE("ScheduleFreeAdamW goes schedulefree's way, trained and evaluated") {
  // The rates of a warm-up are those of schedulefree within 1e-15, not to the bit.
  const auto check = []<class T>(std::type_identity<T>, const std::string& name, Kernels kernels) {
    check_case<T>(name, kernels, "schedule_free.json");
  };
  using Free = OfPerceptron<ScheduleFreeAdamW, OptimizerAverage>;
  using Warm = OfPerceptron<ScheduleFreeAdamW, OptimizerAverage, Warmup<Constant>>;
  using OfConvolutions = OfConvNet<ScheduleFreeAdamW, OptimizerAverage, Warmup<Constant>>;
  check(std::type_identity<Free>(), "schedule-free", Kernels::same);
  check(std::type_identity<Warm>(), "schedule-free with decay and warm-up", Kernels::other);
  check(std::type_identity<OfPerceptron<ScheduleFreeAdamW, OptimizerAverage, Cosine>>(),
        "schedule-free under Cosine, with other powers, decaying weights only", Kernels::same);
  check(std::type_identity<OfConvolutions>(),
        "convolutions, schedule-free, with decay, warm-up and accumulation", Kernels::other);
  check(std::type_identity<Warm>(), "500 steps, schedule-free with warm-up", Kernels::other);
}

CATCH_TEST_CASE("clipped gradients go PyTorch's way, accumulated or not") {
  check_case<OfPerceptron<SGD, ClipNorm>>("clipped by norm");
  check_case<OfPerceptron<AdamW, ClipNorm>>("accumulation, clipped by norm");
  check_case<OfPerceptron<AdamW, ClipValue>>("clipped by value");
  check_case<OfPerceptron<Lion, ClipNorm>>("Lion, accumulation, clipped by norm");
  check_case<OfPerceptron<RMSprop, ClipNorm>>("RMSprop, accumulation, clipped by norm");
  check_case<OfConvNet<AdamW, ClipNorm>>(
      "convolutions, accumulation, clipped, decaying weights only");
}

CATCH_TEST_CASE("averaged weights go PyTorch's way, with their batch-norm statistics") {
  check_case<OfPerceptron<AdamW, EMA>>("EMA");
  check_case<OfConvNet<SGD, SWA>>("SWA with renewed statistics");
}

CATCH_TEST_CASE("16-bit autocast goes PyTorch's way, scaled where it is float16") {
  using Adaptive = OfConvNet<AdamW, Mixed>;
  using Plainly = OfConvNet<SGD, Mixed>;
  check_case<Adaptive>("convolutions in bfloat16 under AdamW");
  check_case<Plainly>("convolutions in bfloat16 under SGD, accumulation");
  check_case<Adaptive>("convolutions in float16 under AdamW");
  check_case<Plainly>("convolutions in float16 under SGD, accumulation, overflowing scale");
  check_case<OfConvNet<AdamW, Mixed, ClipNorm>>("convolutions in float16, clipped by norm");
}
