/// Memory that the process keeps instead of giving it back to the system at each step.
#pragma once

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

namespace gradus {

/// From now on freed memory stays with the process and serves the next step. Otherwise large
/// activations are mapped and faulted in again at each step: up to a third of the time of a step
/// (docs/performance.md). The process keeps its largest size until return_freed_memory().
///
/// For the whole process, so it is the program's choice: no part of gradus calls it. Call it before
/// the first tensor is made. Returns whether this system's C library can (glibc).
inline bool keep_memory() {
#if defined(__GLIBC__)
  constexpr int grow_by = 64 << 20;  // bytes
  return mallopt(M_MMAP_MAX, 0) == 1 && mallopt(M_TRIM_THRESHOLD, -1) == 1 &&
         mallopt(M_TOP_PAD, grow_by) == 1;
#else
  return false;
#endif
}

/// Gives memory that was freed back to the system, where this system's C library can (glibc), also
/// what keep_memory() would keep: after work that took more than later steps will.
inline void return_freed_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace gradus
