// expects: model Pair of Trainer cannot take a batch; its module needs `at::Tensor forward(const
// at::Tensor& input)`.
#include "mini.hpp"

struct PairImpl {
  at::Tensor forward(const at::Tensor&, const at::Tensor&);
};
struct Pair {
  PairImpl* operator->();
  PairImpl& operator*();
};
Trainer<Pair, Descent> trainer;
