/// Which vectors this processor has, found at run time, whatever the flags of the program.
#pragma once

#include <atomic>
#include <cstdint>

namespace gradus::kernel {

/// From the narrowest to the widest; on other processors than x86 there is `portable` alone, which
/// compilers vectorize for what they target.
enum class InstructionSet : std::uint8_t { portable, avx2, avx512 };

namespace detail {

inline InstructionSet detect() {
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return InstructionSet::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::portable;
}

inline std::atomic<InstructionSet>& chosen() {
  static std::atomic<InstructionSet> set = detect();
  return set;
}

}  // namespace detail

/// The widest that kernels may use.
inline InstructionSet instruction_set() { return detail::chosen().load(std::memory_order_relaxed); }

/// While it lives, kernels of the whole process use nothing wider than `widest`: for tests of the
/// narrower ones. No kernel may be running when it begins or ends.
class InstructionSetLimit {
 public:
  explicit InstructionSetLimit(InstructionSet widest) : before_(instruction_set()) {
    if (widest < before_) detail::chosen() = widest;
  }
  InstructionSetLimit(const InstructionSetLimit&) = delete;
  InstructionSetLimit& operator=(const InstructionSetLimit&) = delete;
  ~InstructionSetLimit() { detail::chosen() = before_; }

 private:
  InstructionSet before_;
};

/// What a loop is compiled for: how many floats a vector has, and how many rows of a product are
/// summed in registers at once.
struct Portable {
#if defined(__aarch64__)
  static constexpr int lanes = 4, rows = 6;
#else
  static constexpr int lanes = 4, rows = 2;
#endif
};
struct Avx2 {
  static constexpr int lanes = 8, rows = 6;
};
struct Avx512 {
  static constexpr int lanes = 16, rows = 16;
};

namespace detail {

#if defined(__x86_64__) && defined(__GNUC__)
template <class Body>
#if defined(__clang__)
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,fma")]]
#else
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,fma,prefer-vector-width=512")]]
#endif
void run_avx512(const Body& body) {
  body(Avx512{});
}
template <class Body>
[[gnu::target("avx2,fma")]] void run_avx2(const Body& body) {
  body(Avx2{});
}
#endif

}  // namespace detail

/// Calls `body(set)`, an always-inlined function of Portable, Avx2 or Avx512, compiled for the
/// widest vectors allowed.
template <class Body>
void run_wide(const Body& body) {
#if defined(__x86_64__) && defined(__GNUC__)
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return detail::run_avx512(body);
    case InstructionSet::avx2:
      return detail::run_avx2(body);
    case InstructionSet::portable:
      break;
  }
#endif
  body(Portable{});
}

}  // namespace gradus::kernel
