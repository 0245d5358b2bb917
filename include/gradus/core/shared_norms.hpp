/// Whether batch norms are computed with other processes.
#pragma once

namespace gradus {

/// Of this thread, now: then `at::batch_norm` is the one way to compute them.
inline bool& norms_are_shared() {
  thread_local bool shared = false;
  return shared;
}

}  // namespace gradus
