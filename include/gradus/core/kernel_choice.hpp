/// What a kernels policy says of an operation that it had a choice for.
#pragma once

#include <string>
#include <vector>

namespace gradus {

/// One operation for which a kernels policy had several ways, the way that it uses, and the times
/// that it measured to choose.
struct KernelChoice {
  struct Tried {
    std::string way;
    double milliseconds;
  };

  std::string operation;     ///< as in "3 x 3 convolution, 64 to 128 channels, ..."
  std::string way;           ///< the one that is taken
  std::vector<Tried> tried;  ///< what was measured; empty where nothing was
};

}  // namespace gradus
