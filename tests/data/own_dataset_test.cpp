// The dataset that docs/data.md writes.
#include "../catch.hpp"
#include <gradus/core/batch.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/loader.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace {

struct Waves {
  std::int64_t size() const { return 1000; }
  gradus::Batch batch(std::span<const std::int64_t> indices) const {
    const auto count = static_cast<std::int64_t>(indices.size());
    gradus::Batch batch{at::empty({count, 64}, at::kFloat), at::empty({count}, at::kFloat)};
    auto* input = batch.input.mutable_data_ptr<float>();
    auto* frequency = batch.target.mutable_data_ptr<float>();
    for (const auto index : indices) {
      *frequency = static_cast<float>(index) / 1000;
      for (int t = 0; t < 64; ++t) *input++ = std::sin(*frequency * static_cast<float>(t));
      ++frequency;
    }
    return batch;
  }
};
static_assert(gradus::data::Dataset<Waves>);

}  // namespace

CATCH_TEST_CASE("a dataset of one's own is read by workers") {
  const Waves waves;
  gradus::data::Loader loader({.workers = 2, .prefetch = 2}, 50, [&](std::int64_t number) {
    return waves.batch(std::vector<std::int64_t>{number, 999 - number});
  });
  std::int64_t number = 0;
  for (auto batch = loader.next(); batch; batch = loader.next(), ++number) {
    const auto expected = torch::tensor({number, 999 - number}).to(torch::kFloat) / 1000;
    CATCH_REQUIRE(batch->target.equal(expected));
    const auto times = torch::arange(64, torch::kFloat);
    CATCH_REQUIRE(batch->input.allclose((expected.unsqueeze(1) * times).sin(), 0, 1e-5));
  }
  CATCH_CHECK(number == 50);
}
