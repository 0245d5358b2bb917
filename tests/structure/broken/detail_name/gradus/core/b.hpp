#pragma once

namespace gradus::detail {
inline int once() { return 1; }
}  // namespace gradus::detail
