/// An observer of one's own: told what happens, it prints the rate now and then, and keeps the best
/// epoch.
#include <gradus/gradus.hpp>

#include <iostream>

struct RatePrinter {
  void on(const gradus::StepEnd& event) const {
    if (event.train_loss) {
      std::cout << "step " << event.step << ": rate " << event.learning_rate << ", loss "
                << *event.train_loss << '\n';
    }
  }
};

/// Observers may take several events, and hold what they like.
struct BestEpoch {
  std::int64_t epoch = 0;
  double accuracy = 0;

  void on(const gradus::FitBegin& event) {
    std::cout << event.epochs << " epochs of " << event.steps_per_epoch << " steps\n";
  }
  void on(const gradus::EpochEnd& event) {
    if (!event.record.test || event.record.test->accuracy() <= accuracy) return;
    epoch = event.record.epoch;
    accuracy = *event.record.test->accuracy();
  }
};

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using namespace gradus;
  const auto [train, test] = data::read_cifar10(argv[1]);
  Trainer<ResNet10, Preset<AdamW{.lr = 0.01}>, OneCycle> trainer(
      ResNet10(ResNet10Options{.width = 4}), {.epochs = 2, .log_every_steps = 10});
  RatePrinter printer;
  BestEpoch best;
  const auto history = trainer.fit(train.take(1000), test.take(500), printer, best);
  std::cout << "best epoch " << best.epoch << ": test accuracy " << best.accuracy << '\n';
  return history.epochs.size() == 2 && best.epoch > 0 ? 0 : 1;
}
