/// Products of small bfloat16 matrices that stay in a processor's own caches, summed in float32.
#pragma once

#include <gradus/device/device.hpp>
#include <gradus/kernel/elements.hpp>

#include <ATen/Context.h>
#include <ATen/native/CPUBlas.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <exception>
#include <vector>

namespace gradus::kernel {

/// c [m, n] = a [m, k] b [k, n], or, where it `adds`, c += a b.
///
/// Row i of a starts at `a + i * lda`, row i of c at `c + i * ldc`. Rows 2 i and 2 i + 1 of b lie
/// interleaved, as processors that multiply bfloat16 read them: number (2 i + h, j) is at
/// `b + (i * ldb + j) * 2 + h`. All sizes are positive, k is even, lda >= k, ldb >= n, ldc >= n.
struct BlockProduct {
  std::int64_t m, n, k;
  std::int64_t lda, ldb, ldc;
  bool adds;
};

/// What multiplies blocks. `release` gives back what a thread has taken by multiplying, when it has
/// multiplied all that it will; any thread may call it at any time.
template <class T>
concept MicroKernel = requires(const BlockProduct& product, const c10::BFloat16* a,
                               const c10::BFloat16* b, float* c) {
  { T::multiply(product, a, b, c) } -> std::same_as<void>;
  { T::release() } -> std::same_as<void>;
};

/// LibTorch's, which are oneDNN's: generated for each BlockProduct when a thread meets it first,
/// which takes much longer than a product, and kept by that thread. So callers have few of them.
///
/// Source: ATen/native/CPUBlas.h of LibTorch 2.11.
struct LibraryMicroKernel {
  /// Whether this processor multiplies bfloat16 (AMX or AVX512-BF16), and oneDNN, which may be
  /// switched off, does so too. The other functions throw c10::Error where it does not.
  static bool available() {
    if (!at::globalContext().userEnabledMkldnn()) return false;
    static const bool multiplies = has_native_bfloat16(c10::kCPU) && generates();
    return multiplies;
  }

  static void multiply(const BlockProduct& of, const c10::BFloat16* a, const c10::BFloat16* b,
                       float* c) {
    at::native::cpublas::brgemm(of.m, of.n, of.k, of.lda, of.ldb, of.ldc, of.adds, a, b, c,
                                /*is_vnni=*/true);
  }
  static void release() { at::native::cpublas::brgemm_release(/*is_vnni=*/true); }

 private:
  /// `could_pack` knows of AMX alone, so a product is tried.
  static bool generates() {
    const std::array<c10::BFloat16, 32> zeros{};
    std::array<float, 16> sums{};
    try {
      multiply({1, 16, 2, 2, 16, 16, false}, zeros.data(), zeros.data(), sums.data());
      release();
      return true;
    } catch (const std::exception&) {  // LibTorch's, or oneDNN's own
      return false;
    }
  }
};
static_assert(MicroKernel<LibraryMicroKernel>);

/// The same in plain loops, on any processor: a double for tests, too slow for else. It throws
/// c10::Error for what the library's would refuse.
struct ReferenceMicroKernel {
  static void multiply(const BlockProduct& of, const c10::BFloat16* a, const c10::BFloat16* b,
                       float* c) {
    TORCH_CHECK(of.m > 0 && of.n > 0 && of.k > 0 && of.k % 2 == 0 && of.lda >= of.k &&
                    of.ldb >= of.n && of.ldc >= of.n,
                "a block product has sizes ", of.m, ", ", of.n, ", ", of.k, " and steps ", of.lda,
                ", ", of.ldb, ", ", of.ldc, "; its docstring says what they may be.");
    std::vector<float> sums(static_cast<std::size_t>(of.n));
    for (std::int64_t i = 0; i < of.m; ++i) {
      std::fill(sums.begin(), sums.end(), 0.0F);
      for (std::int64_t k = 0; k < of.k; k += 2) {
        const float low = load(a[i * of.lda + k]), high = load(a[i * of.lda + k + 1]);
        const c10::BFloat16* pairs = b + k * of.ldb;
        for (std::int64_t j = 0; j < of.n; ++j) {
          sums[static_cast<std::size_t>(j)] +=
              low * load(pairs[2 * j]) + high * load(pairs[2 * j + 1]);
        }
      }
      float* row = c + i * of.ldc;
      for (std::int64_t j = 0; j < of.n; ++j) {
        row[j] = of.adds ? row[j] + sums[static_cast<std::size_t>(j)]
                         : sums[static_cast<std::size_t>(j)];
      }
    }
  }
  static void release() {}
};
static_assert(MicroKernel<ReferenceMicroKernel>);

/// Releases what this thread's products have taken, at the end of its part of the work.
template <MicroKernel Kernel>
class MicroKernelScope {
 public:
  MicroKernelScope() = default;
  MicroKernelScope(const MicroKernelScope&) = delete;
  MicroKernelScope& operator=(const MicroKernelScope&) = delete;
  ~MicroKernelScope() { Kernel::release(); }
};

}  // namespace gradus::kernel
