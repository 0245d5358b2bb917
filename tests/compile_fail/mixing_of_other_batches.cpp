// expects: policy Blend of axis mixing does not take batches Pair; let the dataset make
// gradus::Batch, or leave the policy out.
#include "mini.hpp"

struct Pair {};
struct Blend {
  using slot = slot::mixing;
};

[[maybe_unused]] const Says<BatchMistake<Pair, Blend>> refusal;
