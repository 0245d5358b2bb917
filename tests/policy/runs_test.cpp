// Runs after runs: every shipped policy with run state begins again with each fit.
#include "catch.hpp"
#include <gradus/gradus.hpp>
#include <gradus/testing.hpp>

using namespace gradus;
using testing::check_run_laws;

CATCH_TEST_CASE("a run leaves nothing to the next one but weights: plain policies") {
  check_run_laws<>();
}

CATCH_TEST_CASE("a run leaves nothing to the next one but weights: scaler, plateau and mean") {
  check_run_laws<Preset<Mixed{.type = MixedType::float16, .growth_interval = 3}>,
                 Preset<ReduceOnPlateau{.factor = 0.5, .patience = 0, .threshold = 0.5}>,
                 Preset<EMA{.decay = 0.5, .batches = 2}>>();
}

CATCH_TEST_CASE("a run leaves nothing to the next one but weights: early stop and late mean") {
  check_run_laws<Preset<EarlyStop{.patience = 2, .min_delta = 0.05}>,
                 Preset<SWA{.begin = 0.25, .batches = 2}>, Preset<Accumulate{.steps = 2}>>();
}

CATCH_TEST_CASE("a run leaves nothing to the next one but weights: kernels") {
  check_run_laws<FastConvolutions>();
}

namespace {

struct drifting {
  static constexpr std::string_view name = "drifting";
};
/// Makes the loss larger with each step; `Kept` forgets to begin again.
template <bool Kept>
struct Drift {
  using slot = drifting;
  static constexpr std::string_view name = "Drift";
  using hooks = Hooks<hook::before_backward>;
  static constexpr auto fields() { return no_fields; }
  struct State {
    std::int64_t steps = 0;
  };
  State start(const std::vector<NamedTensor>&) const { return {}; }
  void before_backward(State& state, at::Tensor& loss, const StepContext&) const {
    static std::int64_t kept = 0;
    loss = loss * (1 + 0.01 * static_cast<double>(Kept ? kept++ : state.steps++));
  }
  void save(const State& state, StateDict& to) const { to.put("steps", state.steps); }
  void load(State& state, const StateDict& from) const { state.steps = from.number("steps"); }
};

}  // namespace

CATCH_TEST_CASE("policies of one's own are held to it: one whose state outlives a run is told") {
  check_run_laws<Drift<false>>();
  testing::BrokenLaws laws;
  testing::run_laws<Drift<true>>(laws);
  const auto& broken = laws.sentences();
  CATCH_CHECK(std::find(broken.begin(), broken.end(), "a second fit is a second run") !=
              broken.end());
}
