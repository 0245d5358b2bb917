// Products of symmetric matrices that commute, against LibTorch's in float64.
#include "catch.hpp"
#include "problem.hpp"
#include <gradus/kernel/symmetric_matrix.hpp>

#include <ATen/ATen.h>

#include <cstdint>

using namespace gradus::kernel;
using test::instruction_sets;
using test::Threads;

namespace {

/// [size, size], its zeros included.
at::Tensor whole(const SymmetricMatrix& matrix) {
  const auto side = matrix.size() * panel;
  auto dense = at::empty({side, side});
  for (std::int64_t i = 0; i < matrix.size(); ++i) {
    for (std::int64_t j = 0; j < matrix.size(); ++j) {
      dense.slice(0, i * panel, (i + 1) * panel)
          .slice(1, j * panel, (j + 1) * panel)
          .copy_(at::from_blob(matrix.square(i, j), {panel, panel}));
    }
  }
  return dense;
}

at::Tensor padded(const at::Tensor& matrix, std::int64_t side) {
  return at::constant_pad_nd(matrix, {0, side - matrix.size(1), 0, side - matrix.size(0)});
}

bool near(const at::Tensor& result, const at::Tensor& exact) {
  const auto error = (result.to(at::kDouble) - exact).norm() / exact.norm().clamp_min(1e-30);
  return error.item<double>() < 3e-6;
}

}  // namespace

CATCH_TEST_CASE("symmetric products are near float64 for any side, by any vectors and threads") {
  at::manual_seed(0);
  for (const auto [rows, columns] : {std::pair<std::int64_t, std::int64_t>{1, 1},
                                     {1, 40},
                                     {7, 9},
                                     {16, 16},
                                     {17, 33},
                                     {48, 1300},
                                     {130, 70}}) {
    const auto x = at::randn({rows, columns});
    const auto exact = x.to(at::kDouble);
    const auto gram = exact.mm(exact.t());
    const auto squared = gram.mm(gram);
    at::Tensor first;
    for (const auto set : instruction_sets()) {
      const InstructionSetLimit limit(set);
      for (const int threads : {1, 3}) {
        const Threads of(threads);
        CATCH_INFO(rows << " x " << columns << ", instruction set " << static_cast<int>(set) << ", "
                        << threads << " threads");
        const auto own = gram_matrix(x.const_data_ptr<float>(), rows, columns);
        const auto side = own.size() * panel;
        CATCH_CHECK(near(whole(own), padded(gram, side)));

        const auto product =
            multiply(own, own, {.factor = 2, .added = &own, .of_added = -3, .diagonal = 5});
        const auto expected = padded(2 * squared - 3 * gram, side) + 5 * at::eye(side, at::kDouble);
        CATCH_CHECK(near(whole(product), expected));

        const auto third = multiply(product, own);
        const auto of_both = expected.mm(padded(gram, side));
        CATCH_CHECK(near(whole(third), of_both));
        CATCH_CHECK(whole(third).equal(whole(third).t()));
        CATCH_CHECK(near(whole(multiply(own, product)), of_both));

        const auto y = at::empty_like(x);
        multiply(own, x.const_data_ptr<float>(), rows, columns, y.mutable_data_ptr<float>());
        CATCH_CHECK(near(y, gram.mm(exact)));
        if (threads == 1) first = y;
        CATCH_CHECK(y.equal(first));
      }
    }
  }
}
