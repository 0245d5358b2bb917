// expects: model Scalar of Trainer does not return a tensor; its module needs `at::Tensor
// forward(const at::Tensor& input)`.
#include "mini.hpp"

struct ScalarImpl {
  double forward(const at::Tensor&);
};
struct Scalar {
  ScalarImpl* operator->();
  ScalarImpl& operator*();
};
Trainer<Scalar, Descent> trainer;
