// Must not compile with the flags of cuda_headers_hidden.cpp.
#include <cuda_runtime_api.h>
