/// A rectangle of each image from another one of its batch.
#pragma once

#include <gradus/error.hpp>
#include <gradus/policy/mixing/blend.hpp>
#include <gradus/policy/mixing/concept.hpp>

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace gradus {

/// When to use: images, runs long enough to overfit; in few epochs it costs accuracy.
///
/// A rectangle of the image's form, centred anywhere and cut at the border, covers the part 1 - p
/// of the image, p ~ Beta(alpha, alpha), one for the batch; targets are blended by the area that
/// was really replaced. Takes inputs [N, C, H, W]; others are a DataError. Source: Yun et al. 2019,
/// "CutMix", section 3.2.
struct CutMix {
  using slot = slot::mixing;
  static constexpr std::string_view name = "CutMix";
  static constexpr bool mixes = true;

  double alpha = 1;
  std::int64_t classes = 10;

  static constexpr auto fields() { return mixing_fields<CutMix>(); }

  void mix(Batch& batch, std::uint64_t key) const {
    if (batch.input.dim() != 4) {
      throw DataError("policy CutMix of axis mixing takes images [N, C, H, W], but the input is " +
                      c10::str(batch.input.sizes()) + "; choose Mixup.");
    }
    Random random(key);
    const double side = std::sqrt(1 - draw_beta(random, alpha));
    const auto partners = draw_partners(random, batch);
    const auto [top, bottom] = cut(random, batch.input.size(2), side);
    const auto [left, right] = cut(random, batch.input.size(3), side);
    const auto rectangle = [&](const at::Tensor& images) {
      return images.slice(2, top, bottom).slice(3, left, right);
    };
    auto mixed = batch.input.clone();
    rectangle(mixed).copy_(rectangle(batch.input).index_select(0, partners));
    const auto replaced = static_cast<double>((bottom - top) * (right - left));
    const auto all = static_cast<double>(batch.input.size(2) * batch.input.size(3));
    batch.target = blend_targets(batch, partners, 1 - replaced / all, classes);
    batch.input = mixed;
  }

 private:
  struct Span {
    std::int64_t first, last;  ///< pixels [first, last)
  };
  static Span cut(Random& random, std::int64_t length, double part) {
    const auto size = static_cast<std::int64_t>(part * static_cast<double>(length));
    const auto first = random.below(length) - size / 2;
    return {std::max<std::int64_t>(first, 0), std::clamp<std::int64_t>(first + size, 0, length)};
  }
};
static_assert(MixingPolicy<CutMix>);

}  // namespace gradus
