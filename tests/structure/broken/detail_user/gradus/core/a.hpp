/// Trainer is named in a comment only.
#pragma once

namespace gradus::detail {
inline int once() { return 1; }
}  // namespace gradus::detail

namespace gradus {
inline int twice() { return 2 * detail::once() + int{at::detail::other}; }
}  // namespace gradus
