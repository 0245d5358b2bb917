#if !__has_include(<cuda_runtime_api.h>)
#error "CUDA's headers were found at configuration and are gone: configure again."
#endif

#include <cuda_runtime_api.h>
#include <gradus/gradus.hpp>
