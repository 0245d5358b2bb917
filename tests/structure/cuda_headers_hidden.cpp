#if __has_include(<cuda_runtime_api.h>)
#error "CUDA's headers are still in reach: tests/structure/CMakeLists.txt failed to hide them."
#endif

#include <gradus/gradus.hpp>
