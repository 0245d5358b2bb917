#if !__has_include(<cuda_runtime_api.h>)
#error "CUDA's headers were found at configuration and are gone: configure again."
#endif

#include <gradus/gradus.hpp>

#include <cuda_runtime_api.h>
