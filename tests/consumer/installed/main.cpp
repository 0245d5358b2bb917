#include <gradus/gradus.hpp>

#include <iostream>

int main() {
  const auto sum = torch::ones({2, 3}).sum().item<float>();
  std::cout << "gradus " << gradus::version << ", LibTorch adds up to " << sum << "\n";
  return sum == 6 ? 0 : 1;
}
