#if __has_include(<cuda_runtime_api.h>)
#error "CUDA's headers lie in the compiler's own folders here: they cannot be hidden for this test."
#endif

#include <gradus/gradus.hpp>
