/// A loop on LibTorch's own threads.
#pragma once

#include <ATen/TensorIterator.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <functional>

namespace gradus::kernel {

/// Calls `body(first, last)` for parts of [0, count), on LibTorch's threads. Its `parallel_for` is
/// a template that runs serially where the caller is compiled without OpenMP; an iterator runs
/// inside the library, whatever the caller's flags.
inline void for_chunks(std::int64_t count,
                       const std::function<void(std::int64_t, std::int64_t)>& body) {
  const auto places = at::empty({count}, at::kByte);
  const char* begin = static_cast<const char*>(places.const_data_ptr());
  auto iterator = at::TensorIterator::borrowing_nullary_op(places);
  iterator.for_each(
      [&](char** data, const std::int64_t*, std::int64_t size, std::int64_t) {
        const std::int64_t first = *data - begin;
        body(first, first + size);
      },
      /*grain_size=*/1);
}

}  // namespace gradus::kernel
