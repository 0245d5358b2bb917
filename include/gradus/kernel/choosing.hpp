/// Whether this thread's convolutions go the ways that were chosen for them.
#pragma once

namespace gradus::kernel {

/// How many ConvolutionScopes this thread is in.
inline int& convolution_scopes() {
  thread_local int scopes = 0;
  return scopes;
}

}  // namespace gradus::kernel
