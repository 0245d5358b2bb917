#include "catch.hpp"
#include "toys.hpp"
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/edit.hpp>
#include <gradus/train/trainer.hpp>

#include <string>

using namespace gradus;

namespace {

std::string said;

struct voices {
  static constexpr std::string_view name = "voices";
  static constexpr bool allows_several = true;
};

struct Scope {
  const char* last;
  ~Scope() { said += last; }
};

struct Early {
  using slot = voices;
  static constexpr std::string_view name = "Early";
  using hooks = Hooks<At<hook::around_forward, Phase::early>, At<hook::before_step, Phase::early>>;
  static constexpr auto fields() { return no_fields; }
  Scope around_forward(const StepContext&) const {
    said += "(";
    return {")"};
  }
  void before_step(const StepContext&) const { said += "e"; }
};

/// Its name comes before Early's, so that the order can only come from the phase.
struct Behind {
  using slot = voices;
  static constexpr std::string_view name = "Behind";
  using hooks =
      Hooks<At<hook::around_forward, Phase::last>, At<hook::before_step, Phase::late>,
            hook::before_forward, hook::before_backward, hook::around_step, hook::after_step>;
  double factor = 2;
  static constexpr auto fields() {
    return fields_of(field("factor", &Behind::factor, positive(), "of the loss"));
  }
  struct State {
    at::Tensor steps = at::zeros({}, at::kLong);
  };
  State start(const std::vector<NamedTensor>&) const { return {}; }
  void save(const State& state, StateDict& to) const { to.put("steps", state.steps); }
  void load(State& state, const StateDict& from) const { from.get("steps", state.steps); }

  void before_forward(State&, Batch& batch, const StepContext&) const {
    said += "f";
    batch.input = batch.input * 1;
  }
  Scope around_forward(State&, const StepContext&) const {
    said += "[";
    return {"]"};
  }
  void before_backward(State&, at::Tensor& loss, const StepContext&) const {
    said += "b";
    loss = loss * factor;
  }
  void before_step(State&, const StepContext& context) const {
    said += "s";
    CATCH_CHECK(context.parameters.at(0).tensor.grad().defined());
  }
  Scope around_step(State&, const StepContext&) const {
    said += "<";
    return {">"};
  }
  void after_step(State& state, const StepContext&) const {
    said += "a";
    state.steps.add_(1);
  }
};

using Bare = Trainer<Perceptron, SGD>;
using Voiced = Trainer<Perceptron, SGD, Behind, Early>;
static_assert(std::is_same_v<Voiced, Trainer<Perceptron, Early, SGD, Behind>>);
static_assert(std::is_same_v<Voiced, with<Bare, Early, Behind>>);
static_assert(std::is_same_v<with<Voiced, Early>, Voiced>);
static_assert(std::is_same_v<without<Voiced, voices>, Bare>);

// Leaving one out: only what is not neutral counts.
static_assert(ablate<Bare>::count == 0);
static_assert(std::is_same_v<ablate<Trainer<Perceptron, Preset<SGD{.lr = 0.5}>>>,
                             Ablations<Ablation<SGD, Bare>>>);
static_assert(std::is_same_v<ablate<Voiced>, Ablations<Ablation<Behind, with<Bare, Early>>,
                                                       Ablation<Early, with<Bare, Behind>>>>);

// Policies without numbers take no bytes.
using Neutral = Trainer<Perceptron>::policies_type;
static_assert(sizeof(Neutral) ==
              sizeof(SGD) + sizeof(Plain) + sizeof(CrossEntropy) + sizeof(Guard));

}  // namespace

CATCH_TEST_CASE("hooks run by phase, and scopes around a step end in reverse") {
  said.clear();
  Voiced trainer(perceptron(), {.epochs = 1});
  trainer.fit(Points(32));  // one batch of 32
  CATCH_CHECK(said == "f([])bes<>a");
  const auto& asked = trainer;
  CATCH_CHECK(asked.state<voices>().steps.item<std::int64_t>() == 1);
}

CATCH_TEST_CASE("a hook changes the loss that is trained on, not the one that is reported") {
  const auto run = [](auto trainer) {
    const auto history = trainer.fit(Points(32));
    return std::pair(history.epochs[0].train_loss, weights_of(*trainer.model()));
  };
  Trainer<Perceptron, Preset<SGD{.lr = 0.2}>>::policies_type doubled;
  const auto plain = run(Trainer<Perceptron, Preset<SGD{.lr = 0.2}>>(perceptron(), {.epochs = 1}));
  const auto hooked =
      run(Trainer<Perceptron, Preset<SGD{.lr = 0.1}>, Behind>(perceptron(), {.epochs = 1}));
  CATCH_CHECK(plain.first == hooked.first);
  CATCH_CHECK(torch::allclose(plain.second, hooked.second));
}

CATCH_TEST_CASE("several policies of one axis are set by axis and name") {
  Voiced::policies_type policies;
  set_policy_field(policies, "voices/Behind", "factor", 3);
  CATCH_CHECK(policies_to_json(policies)["voices/Behind"]["factor"] == 3);
  CATCH_CHECK_THROWS_WITH(set_policy_field(policies, "voices", "factor", 3),
                          Catch::Matchers::ContainsSubstring("'voices' is not an axis"));
}

CATCH_TEST_CASE("what a policy says about its own numbers is refused at run time as well") {
  Trainer<Perceptron, Mixed>::policies_type policies;
  policies.at<slot::precision>().type = MixedType::bfloat16;
  policies.at<slot::precision>().scaling = Scaling::on;
  CATCH_CHECK_THROWS_WITH((Trainer<Perceptron, Mixed>(perceptron(), {}, policies)),
                          Catch::Matchers::ContainsSubstring("gradient scaling is for float16"));
}
