/// Whether models call LibTorch's operators alone.
#pragma once

namespace gradus {

/// Of this thread, now: then no layer computes by a kernel of gradus, which an export could not
/// see.
inline bool& uses_plain_operators() {
  thread_local bool plain = false;
  return plain;
}

}  // namespace gradus
