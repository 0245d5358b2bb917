/// Elements of float32 and bfloat16 tensors as floats, in loops that compilers vectorize.
#pragma once

#include <gradus/kernel/pairs.hpp>
#include <gradus/kernel/vectors.hpp>

#include <ATen/core/Tensor.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Exception.h>

#include <bit>
#include <cstdint>
#include <cstring>

namespace gradus::kernel {

[[gnu::always_inline]] inline float load(const float& at) { return at; }
[[gnu::always_inline]] inline float load(const c10::BFloat16& at) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(at.x) << 16);
}

[[gnu::always_inline]] inline void store(float& at, float value) { at = value; }
/// To the nearest, ties to even; written so that compilers vectorize it.
[[gnu::always_inline]] inline void store(c10::BFloat16& at, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  at.x = static_cast<std::uint16_t>(value != value ? 0x7fc0U : rounded);
}

/// As many as `to` has.
template <class V>
[[gnu::always_inline]] inline void load(V& to, const c10::BFloat16* from) {
  constexpr int lanes = sizeof(V) / sizeof(float);
  HalfVector<lanes> halves;
  std::memcpy(&halves, from, sizeof(halves));
  const PairVector<lanes> bits = __builtin_convertvector(halves, PairVector<lanes>) << 16;
  std::memcpy(&to, &bits, sizeof(to));
}
/// Rounded as one number is.
template <class V>
[[gnu::always_inline]] inline void store(c10::BFloat16* to, const V& from) {
  constexpr int lanes = sizeof(V) / sizeof(float);
  PairVector<lanes> bits;
  std::memcpy(&bits, &from, sizeof(bits));
  const auto undefined = reinterpret_cast<PairVector<lanes>>(from != from);
  const PairVector<lanes> rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const auto halves =
      __builtin_convertvector((rounded & ~undefined) | (undefined & 0x7fc0), HalfVector<lanes>);
  std::memcpy(to, &halves, sizeof(halves));
}

/// `body(T{})`, `T` the type of elements of `x`: float or c10::BFloat16.
template <class Body>
auto with_element_type(const at::Tensor& x, Body body) {
  if (x.scalar_type() == at::kBFloat16) return body(c10::BFloat16());
  return body(float());
}

}  // namespace gradus::kernel
