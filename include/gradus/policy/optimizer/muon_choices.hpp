/// What Muon's numbers can be chosen from.
#pragma once

#include <array>
#include <string_view>

namespace gradus {

/// How the rate follows a weight's form [A, B]: `original` times sqrt(max(1, A / B));
/// `match_rms_adamw` times 0.2 sqrt(max(A, B)), so that AdamW's rates and decays fit;
/// `spectral_unclamped` times sqrt(A / B), which slows wide matrices (torch.optim.Muon since 2.15).
enum class MuonRate { original, match_rms_adamw, spectral_unclamped };

constexpr std::array<std::string_view, 3> enum_names(MuonRate) {
  return {"original", "match_rms_adamw", "spectral_unclamped"};
}

/// The number type of Muon's matrix products: what is fast and near enough on the device
/// (`orthogonal_type`), or one that is pinned; torch.optim.Muon has bfloat16.
enum class MuonProducts { by_device, float32, bfloat16, float16 };

constexpr std::array<std::string_view, 4> enum_names(MuonProducts) {
  return {"by_device", "float32", "bfloat16", "float16"};
}

}  // namespace gradus
