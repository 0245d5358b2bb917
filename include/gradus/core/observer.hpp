/// Telling observers what happens, at no cost for what they do not take.
#pragma once

#include <gradus/core/events.hpp>

namespace gradus {

/// Anything with `on(const E&)` for at least one event of core/events.hpp.
template <class O>
concept Observer =
    requires(O& o, const FitBegin& e) { o.on(e); } ||
    requires(O& o, const StepEnd& e) { o.on(e); } ||
    requires(O& o, const EpochEnd& e) { o.on(e); } ||
    requires(O& o, const FitStop& e) { o.on(e); } || requires(O& o, const FitEnd& e) { o.on(e); };

/// Calls the observers that take this event, in order.
template <class Event, Observer... Os>
void notify(const Event& event, Os&... observers) {
  [[maybe_unused]] const auto tell = [&](auto& observer) {
    if constexpr (requires { observer.on(event); }) observer.on(event);
  };
  (tell(observers), ...);
}

}  // namespace gradus
