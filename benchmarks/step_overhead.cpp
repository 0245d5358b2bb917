/// What does a step of `Trainer` cost over the loop written by hand, which runs the same operators
/// (tests/train/overhead_test.cpp)? Both train the same epochs interleaved, in one thread; a ratio
/// per round, so that what slows the machine slows both.
#include "../tests/train/by_hand.hpp"
#include "../tests/train/toys.hpp"
#include <gradus/files/write_file.hpp>
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/loading/plain.hpp>
#include <gradus/settings/dump.hpp>
#include <gradus/train/trainer.hpp>

#include <nlohmann/json.hpp>

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace gradus;

namespace {

/// Noise in the shape of CIFAR-10.
class Images {
 public:
  explicit Images(std::int64_t size)
      : images_(torch::randn({size, 3, 32, 32})),
        targets_(torch::randint(0, 10, {size}, torch::kLong)) {}

  [[nodiscard]] std::int64_t size() const { return targets_.size(0); }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    const auto index = torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()));
    return {images_.index_select(0, index), targets_.index_select(0, index)};
  }

 private:
  at::Tensor images_;
  at::Tensor targets_;
};

template <class Body>
double seconds_of(Body&& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

template <class Model, class Set>
nlohmann::ordered_json compare(const std::string& what, Model model, Model same, const Set& set,
                               std::int64_t batch_size, int rounds) {
  using Plainly = Trainer<Model>;
  typename Plainly::policies_type policies;
  policies.template at<slot::loading>().batch_size = batch_size;
  Plainly trainer(same, {.epochs = 1, .device = c10::kCPU, .log_every_steps = 1 << 30}, policies);
  const auto steps = static_cast<double>(set.size()) / static_cast<double>(batch_size);

  std::vector<double> by_hand;
  std::vector<double> by_trainer;
  std::vector<double> ratios;
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    double hand = 0;
    double trained = 0;
    const auto run_by_hand = [&] {
      hand += seconds_of([&] { train_by_hand(model, set, batch_size); });
    };
    const auto run_trainer = [&] { trained += seconds_of([&] { trainer.fit(set); }); };
    run_by_hand();
    run_trainer();
    run_trainer();
    run_by_hand();
    if (round < 0) continue;
    by_hand.push_back(hand / 2 / steps);
    by_trainer.push_back(trained / 2 / steps);
    ratios.push_back(trained / hand);
  }
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  std::printf("| %s | %.1f | %.1f | %.4f (%.4f to %.4f) |\n", what.c_str(), median(by_hand) * 1e6,
              median(by_trainer) * 1e6, median(ratios), *least, *most);
  return {{"what", what},
          {"by_hand_seconds_per_step", by_hand},
          {"trainer_seconds_per_step", by_trainer},
          {"ratios", ratios}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: step_overhead RESULT.json\n");
    return 2;
  }
  at::set_num_threads(1);
  const auto network = [] {
    torch::manual_seed(0);
    return ResNet10(ResNet10Options{.width = 16});
  };
  std::printf(
      "| step | by hand, us | trainer, us | trainer over hand, median of rounds |\n"
      "|---|---:|---:|---:|\n");
  auto results = nlohmann::ordered_json::array();
  results.push_back(
      compare("ResNet10, width 16, batch 4", network(), network(), Images(200), 4, 21));
  results.push_back(compare("two linear layers of 8, batch 32: all overhead", perceptron(),
                            perceptron(), Points(64'000), 32, 21));
  write_file(argv[1], dump(results, 2) + "\n");
}
