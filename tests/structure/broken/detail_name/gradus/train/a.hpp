#pragma once

#include <gradus/core/b.hpp>

namespace gradus {
inline int twice() { return 2 * detail::once(); }
}  // namespace gradus
