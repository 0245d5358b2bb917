/// Vectors of floats as wide as a compiler is told, and loops that leave nothing of themselves.
#pragma once

#include <cstring>
#include <type_traits>
#include <utility>

namespace gradus::kernel {

template <int Lanes>
using Vector [[gnu::vector_size(Lanes * sizeof(float))]] = float;

template <class V>
[[gnu::always_inline]] inline void load(V& to, const float* from) {
  std::memcpy(&to, from, sizeof(to));
}
template <class V>
[[gnu::always_inline]] inline void store(float* to, const V& from) {
  std::memcpy(to, &from, sizeof(from));
}

/// Calls `body(0)` to `body(Count - 1)` with constants, so that arrays can stay in registers.
template <int Count, class Body>
[[gnu::always_inline]] inline void unrolled(const Body& body) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (body(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, Count>{});
}

}  // namespace gradus::kernel
