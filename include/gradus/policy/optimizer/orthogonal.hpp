/// Matrices made orthogonal by Newton-Schulz steps, those of one form in one product.
#pragma once

#include <gradus/device/device.hpp>
#include <gradus/kernel/for_chunks.hpp>
#include <gradus/kernel/symmetric_matrix.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace gradus {

/// The number type of the products of `orthogonal` on `device`, the same for every step of a run:
/// - bfloat16 on a processor that multiplies it by tiles (AMX), many times as fast as float32;
/// - float32 on other processors: in it symmetry and Gram matrices save more;
/// - float16 elsewhere: as fast as bfloat16, and Gram matrices need its three more bits.
[[nodiscard]] inline c10::ScalarType orthogonal_type(c10::Device device) {
  if (!device.is_cpu()) return c10::kHalf;
  static const bool by_tiles = has_bfloat16_tiles();
  return by_tiles ? c10::kBFloat16 : c10::kFloat;
}

/// Places in `weights`, batch by batch: weights of one form [out, rest] on one device, in the order
/// of the list, empty ones left out. A batch has at most 2^16 elements on the CPU, where larger
/// ones leave the cache and gain nothing, and 2^22 elsewhere; or it is one weight.
[[nodiscard]] inline std::vector<std::vector<std::size_t>> batches_of_one_form(
    const std::vector<at::Tensor>& weights) {
  std::vector<std::vector<std::size_t>> batches;
  std::map<std::array<std::int64_t, 3>, std::size_t> open;  // the last batch of a form
  for (std::size_t place = 0; place < weights.size(); ++place) {
    const auto& weight = weights[place];
    if (weight.numel() == 0) continue;
    const std::int64_t most = weight.is_cpu() ? 1 << 16 : 1 << 22;
    const auto [last, is_new] = open.try_emplace(
        {weight.get_device(), weight.size(0), weight.numel() / weight.size(0)}, batches.size());
    if (!is_new) {
      const auto members = static_cast<std::int64_t>(batches[last->second].size());
      if ((members + 1) * weight.numel() <= most) {
        batches[last->second].push_back(place);
        continue;
      }
      last->second = batches.size();
    }
    batches.push_back({place});
  }
  return batches;
}

namespace detail {

/// A step is X <- (a I + b G + c G^2) X, with the Gram matrix G = X X^T. Jordan's numbers, for the
/// steepest start.
inline constexpr double newton_schulz_a = 3.4445, newton_schulz_b = -4.7750,
                        newton_schulz_c = 2.0315;

/// b G + c G^2 of `gram` [B, n, n].
inline at::Tensor quintic(const at::Tensor& gram) {
  return at::baddbmm(gram, gram, gram, newton_schulz_b, newton_schulz_c);
}

/// The Q [B, n, n] for which Q X is `steps` steps from X, out of the Gram matrix of X alone: a step
/// X <- P X is G <- P G P, and all of these commute.
inline at::Tensor steps_of_gram(at::Tensor gram, std::int64_t steps) {
  at::Tensor all;
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto factor = quintic(gram);
    factor.diagonal(0, 1, 2).add_(newton_schulz_a);
    all = step == 0 ? factor : all.bmm(factor);
    if (step + 1 < steps) gram = factor.bmm(gram.bmm(factor));
  }
  return all;
}

/// How many of the steps that are `left` behind `done` go over one Gram matrix, before it is made
/// again from X. Rounding turns an eigenvalue near 0 into one of either sign and up to the type's
/// epsilon, which each step multiplies by a^2 = 12; a negative one that reaches about 0.3 is no
/// longer damped, and the matrix explodes. So many steps keep clear of that; behind the first two,
/// float16 can afford a third rather than a step alone.
inline std::int64_t chain_length(c10::ScalarType type, std::int64_t done, std::int64_t left) {
  if (type == c10::kFloat) return std::min<std::int64_t>(left, 5);
  return done > 0 && left == 3 ? 3 : std::min<std::int64_t>(left, 2);
}

/// Those steps over one Gram matrix in float32, of x [n, m] on the CPU, n <= m, to `y`. All n x n
/// matrices are polynomials of the Gram matrix, so symmetric, and products of them are half made.
inline void steps_in_float(const float* x, std::int64_t n, std::int64_t m, std::int64_t steps,
                           float* y) {
  auto gram = kernel::gram_matrix(x, n, m);
  std::optional<kernel::SymmetricMatrix> all;
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto factor = multiply(gram, gram,
                                 {.factor = static_cast<float>(newton_schulz_c),
                                  .added = &gram,
                                  .of_added = static_cast<float>(newton_schulz_b),
                                  .diagonal = static_cast<float>(newton_schulz_a)});
    if (step + 1 < steps) gram = multiply(factor, multiply(gram, factor));
    all = all ? multiply(*all, factor) : factor;
  }
  multiply(*all, x, n, m, y);
}

/// As many steps as float32 can make over one Gram matrix, and again, of each x [B, rows, columns].
inline at::Tensor orthogonal_in_float(const at::Tensor& matrices, std::int64_t steps) {
  const bool tall = matrices.size(1) > matrices.size(2);
  auto x = (tall ? matrices.mT() : matrices).contiguous();
  for (std::int64_t done = 0; done < steps;) {
    const auto length = chain_length(c10::kFloat, done, steps - done);
    const auto y = at::empty_like(x);
    const auto n = x.size(1), m = x.size(2);
    const float* from = x.const_data_ptr<float>();
    float* to = y.mutable_data_ptr<float>();
    kernel::for_chunks(x.size(0), [&](std::int64_t first, std::int64_t last) {
      for (auto i = first; i < last; ++i) {
        steps_in_float(from + i * n * m, n, m, length, to + i * n * m);
      }
    });
    x = y;
    done += length;
  }
  return tall ? x.mT().contiguous() : x;
}

/// Whether steps over Gram matrices [n, n] cost fewer products than over X [n, m]. With k chains,
/// they are 2 k n^2 m + (4 steps - 3 k) n^3 multiplications against steps (2 n^2 m + n^3): fewer if
/// m > 1.5 n, whatever k and the number of steps. Never in bfloat16: two steps over one matrix
/// already spread up to 2.2 times as far as two over X.
inline bool gram_pays(c10::ScalarType type, std::int64_t n, std::int64_t m) {
  return type != c10::kBFloat16 && 2 * m > 3 * n;
}

}  // namespace detail

/// Of each of `matrices` [B, rows, columns] the one with the same singular vectors, and singular
/// values between about 0.7 and 1.2, those far below the norm excepted: `steps` Newton-Schulz steps
/// with products in `type`, one of those that `orthogonal_type` names. Matrices are independent: a
/// zero one stays zero, a NaN makes its own NaN. A norm below 1e-7 counts as 1e-7, one above 1.8e19
/// as infinite, which makes zero of the matrix; both as in torch.optim.Muon.
///
/// Source: Jordan et al. 2024, "Muon"; over Gram matrices: Zhang, Amsel, Chen and Dao 2026, "Gram
/// Newton-Schulz". What the types do to it: docs/why/speed.md.
[[nodiscard]] inline at::Tensor orthogonal(const at::Tensor& matrices, std::int64_t steps,
                                           c10::ScalarType type) {
  auto x = matrices.to(c10::kFloat);  // float16 holds the values only when they are normalised
  x = x.div(at::linalg_vector_norm(x, 2, {{1, 2}}, true).clamp_min(1e-7)).to(type);
  if (type == c10::kFloat && x.is_cpu()) return detail::orthogonal_in_float(x, steps);
  const bool tall = x.size(1) > x.size(2);
  const auto gram_of = [&] { return tall ? x.mT().bmm(x) : x.bmm(x.mT()); };

  if (detail::gram_pays(type, std::min(x.size(1), x.size(2)), std::max(x.size(1), x.size(2)))) {
    for (std::int64_t done = 0; done < steps;) {
      // A device may multiply float32 with as few bits as float16 has (TF32).
      const auto length = detail::chain_length(c10::kHalf, done, steps - done);
      const auto all = detail::steps_of_gram(gram_of(), length);
      x = tall ? x.bmm(all) : all.bmm(x);
      done += length;
    }
    return x;
  }
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto factor = detail::quintic(gram_of());
    x = tall ? at::baddbmm(x, x, factor, detail::newton_schulz_a)
             : at::baddbmm(x, factor, x, detail::newton_schulz_a);
  }
  return x;
}

}  // namespace gradus
