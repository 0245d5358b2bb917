/// The loading axis: in what portions and by whom training data is read.
#pragma once

#include <gradus/core/contract.hpp>
#include <gradus/core/loading_plan.hpp>

#include <array>

namespace gradus {

/// `plan()` says it in numbers; the data room does it. The plan never changes which samples a batch
/// holds, nor their augmentation: those depend on seed, epoch and index alone.
template <class P>
struct Contract<slot::loading, P> {
  using Plan = LoadingPlan (P::*)() const;

  static constexpr std::array members{
      Member{"plan", "gradus::LoadingPlan plan() const", (requires { &P::plan; }),
             (requires { static_cast<Plan>(&P::plan); })},
  };
};

template <class P>
concept LoadingPolicy = Fulfils<P, slot::loading>;

}  // namespace gradus
