#include <gradus/version.hpp>

#include <nlohmann/json.hpp>
#include <range/v3/view/iota.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>

#include <iostream>

int main() {
  const auto sum = at::ones({2, 3}).sum().item<float>();
  const nlohmann::json seen{{"gradus", gradus::version},
                            {"numbers", ranges::views::iota(0, 3).size()}};
  std::cout << seen << "\n";
  return sum == 6 ? 0 : 1;
}
