// expects: policy Sparsity of axis loss has a wrong `loss`; declare it `at::Tensor loss(const
// at::Tensor& output, const at::Tensor& target) const`.
#include "mini.hpp"
#include <gradus/policy/loss/cross_entropy.hpp>
#include <gradus/policy/precision/mixed.hpp>

struct Sparsity {
  using slot = slot::loss;
  static constexpr std::string_view name = "Sparsity";
  static constexpr auto fields() { return no_fields; }
  at::Tensor loss(const at::Tensor& output) const { return output.abs().mean(); }
};
int main() {
  Trainer<Net, Sparsity> trainer(Net(), {.epochs = 2});
  return static_cast<int>(trainer.fit(3, 4).epochs.size());
}
