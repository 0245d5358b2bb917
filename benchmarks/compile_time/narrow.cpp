// The same `Optimized`, by the headers that it needs and no others.
#include "configurations.hpp"
#include <gradus/data/cifar10.hpp>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto [train, test] = gradus::data::read_cifar10(argv[1]);
  cifar10::Optimized trainer(gradus::ResNet10(), {.epochs = 5});
  for (const auto& epoch : trainer.fit(train, test).epochs) {
    std::cout << "epoch " << epoch.epoch << ": loss " << *epoch.train_loss << ", "
              << *epoch.test->accuracy() << " right\n";
  }
}
