/// The execution axis: how the work of a step reaches the device.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>
#include <gradus/device/graph_backend.hpp>

#include <array>

namespace gradus {

namespace detail {

template <class P>
consteval bool asks_for_capture() {
  if constexpr (requires { static_cast<bool>(P::captures); }) {
    return P::captures;
  } else {
    return true;
  }
}

}  // namespace detail

/// An execution policy says
/// - by `captures` whether steps are captured; one that says no is never asked more;
/// - by `Backend`, a GraphBackend, what records and replays them;
/// - by `plan()` after how many warm-up steps, and how many graphs are kept.
/// What is captured, when, and when not is the loop's business: train/capture/step_graph.hpp.
template <class P>
struct Contract<slot::execution, P> {
  using Plan = CapturePlan (P::*)() const;
  static constexpr bool asked = detail::asks_for_capture<P>();

  static constexpr std::array members{
      Member{"captures", "static constexpr bool captures = true;", (requires { P::captures; }),
             (requires { static_cast<const bool*>(&P::captures); })},
      Member{"Backend", "using Backend = ...;` with a type that meets `gradus::GraphBackend",
             (requires { typename P::Backend; }),
             (requires { requires GraphBackend<typename P::Backend>; }), asked},
      Member{"plan", "gradus::CapturePlan plan() const", (requires { &P::plan; }),
             (requires { static_cast<Plan>(&P::plan); }), asked},
  };
};

/// A policy of the execution axis: it has every member that `Contract<slot::execution, P>` lists.
template <class P>
concept ExecutionPolicy = Fulfils<P, slot::execution>;

}  // namespace gradus
