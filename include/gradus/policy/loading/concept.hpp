/// The loading axis: in what portions and by whom training data is read.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/core/loading_plan.hpp>

#include <array>

namespace gradus {

/// `plan()` says it in numbers; the data room does it. The plan never changes which samples a batch
/// holds, nor their augmentation: those depend on seed, epoch and index alone. A policy whose
/// `resident` is true trains from a copy of the whole set on the device, which may take
/// `plan().most_device_bytes`; the other numbers then hold for the sets it is evaluated on.
template <class P>
struct Contract<slot::loading, P> {
  using Plan = LoadingPlan (P::*)() const;

  static constexpr std::array members{
      Member{"plan", "gradus::LoadingPlan plan() const", (requires { &P::plan; }),
             (requires { static_cast<Plan>(&P::plan); })},
      Member{"resident", "static constexpr bool resident = true;", (requires { P::resident; }),
             (requires { static_cast<const bool*>(&P::resident); }), false},
  };
};

/// A policy of the loading axis: it has every member that `Contract<slot::loading, P>` lists.
template <class P>
concept LoadingPolicy = Fulfils<P, slot::loading>;

/// A loading policy that wants the set on the device.
template <class P>
concept ResidentLoading = LoadingPolicy<P> && requires { requires P::resident; };

}  // namespace gradus
