/// A trainer without LibTorch: the engine's own composition over a few axes, for programs that must
/// not compile. Good policies of each axis are here; a program brings the bad one.
#pragma once

#include <gradus/compose/composition.hpp>
#include <gradus/core/rates.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/accumulation/no_accumulation.hpp>
#include <gradus/policy/augmentation/concept.hpp>
#include <gradus/policy/layout/concept.hpp>
#include <gradus/policy/loading/concept.hpp>
#include <gradus/policy/loss/concept.hpp>
#include <gradus/policy/metric/concept.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/precision/concept.hpp>
#include <gradus/policy/resolution/concept.hpp>
#include <gradus/policy/schedule/constant.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/sharing/no_sharing.hpp>
#include <gradus/policy/task/concept.hpp>
#include <gradus/train/step/call_mistakes.hpp>

#include <optional>

namespace mini {

using namespace gradus;

/// A policy with run state, exactly as the contract has it.
struct Descent {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Descent";
  double lr = 0.1;
  static constexpr auto fields() {
    return fields_of(field("lr", &Descent::lr, positive(), "learning rate"));
  }
  struct State {
    int steps = 0;
  };
  State start(const std::vector<NamedTensor>&) const;
  void step(State&, const Rates&) const;
  constexpr bool has_momentum() const { return false; }
  void save(const State&, StateDict&) const;
  void load(State&, const StateDict&) const;
};

struct NetImpl {
  at::Tensor forward(const at::Tensor&);
};
/// As TORCH_MODULE makes it.
struct Net {
  NetImpl* operator->();
  NetImpl& operator*();
};

using MiniAxes = Axes<Axis<slot::accumulation, NoAccumulation>, Axis<slot::optimizer, Descent>,
                      Axis<slot::schedule, Constant>, Axis<slot::sharing, NoSharing>>;

template <class Model, class... Policies>
using Trainer = typename Composition<MiniAxes, Model, Policies...>::policies;

template <class... Arguments>
void fit(Arguments&&...) {
  [[maybe_unused]] const Says<CallMistake<Arguments...>> refusal;
}

/// A dataset as it should be.
struct Squares {
  std::int64_t size() const;
  Batch batch(std::span<const std::int64_t>) const;
};

static_assert(std::is_same_v<Trainer<Net, Accumulate, Descent>, Trainer<Net, Descent, Accumulate>>);

}  // namespace mini

using namespace mini;
