/// The freezing axis: which parameters rest, and until when.
#pragma once

#include <gradus/compose/contract.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace gradus {

/// A freezing policy
/// - says by `freezes` whether it freezes anything at all;
/// - by `frozen(name, epoch)` whether the parameter or buffer of that dotted name is frozen in an
/// epoch,
///   counted from 0. One that is not frozen in the first epoch is left as the model has it, always.
///   One that is shared is frozen if any of its names is.
///
/// A frozen parameter gets no gradient and no step, and takes no memory in most optimizers until it
/// moves. A batch norm whose running statistics are frozen is in evaluation mode. What is frozen at
/// the end of a run stays so in the model.
template <class P>
struct Contract<slot::freezing, P> {
  using Frozen = bool (P::*)(std::string_view, std::int64_t) const;

  static constexpr std::array members{
      Member{"freezes", "static constexpr bool freezes = true;", (requires { P::freezes; }),
             (requires { static_cast<const bool*>(&P::freezes); })},
      Member{"frozen", "bool frozen(std::string_view name, std::int64_t epoch) const",
             (requires { &P::frozen; }), (requires { static_cast<Frozen>(&P::frozen); })},
  };
};

/// A policy of the freezing axis: it has every member that `Contract<slot::freezing, P>` lists.
template <class P>
concept FreezingPolicy = Fulfils<P, slot::freezing>;

}  // namespace gradus
