// Two policies on an axis of one's own, each with run state: the second forgets to save it.
#include <gradus/gradus.hpp>
#include <gradus/testing.hpp>

struct pulling {
  static constexpr std::string_view name = "pulling";
};

/// Pulls each weight towards its running mean.
template <bool Saves>
struct Pull {
  using slot = pulling;
  static constexpr std::string_view name = Saves ? "Mindful" : "Forgetful";
  using hooks = gradus::Hooks<gradus::hook::after_step>;
  static constexpr auto fields() { return gradus::no_fields; }

  struct State {
    std::vector<at::Tensor> means;
  };
  State start(const std::vector<gradus::NamedTensor>& parameters) const {
    State state;
    for (const auto& [label, tensor] : parameters) state.means.push_back(tensor.detach().clone());
    return state;
  }
  void after_step(State& state, const gradus::StepContext& context) const {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < state.means.size(); ++i) {
      auto weight = context.parameters[i].tensor;
      state.means[i].lerp_(weight, 0.25);
      weight.lerp_(state.means[i], 0.25);
    }
  }
  void save(const State& state, gradus::StateDict& to) const {
    for (std::size_t i = 0; Saves && i < state.means.size(); ++i) {
      to.put(std::to_string(i), state.means[i]);
    }
  }
  void load(State& state, const gradus::StateDict& from) const {
    for (std::size_t i = 0; Saves && i < state.means.size(); ++i) {
      from.get(std::to_string(i), state.means[i]);
    }
  }
};

CATCH_TEMPLATE_TEST_CASE("my policies keep the laws", "", Pull<true>, Pull<false>) {
  gradus::testing::check_laws<TestType>();
}
