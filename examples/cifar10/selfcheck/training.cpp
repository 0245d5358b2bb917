// Whether runs come out as they should: against float64, against another device, repeated, resumed.
#include "figures.hpp"
#include "trainers.hpp"
#include <gradus/data/sampling.hpp>

#include <torch/nn/functional.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace cifar10::checks {

using namespace gradus;

namespace {

/// The first steps of a run: the loss of each, and how the first one moved the weights.
struct Trajectory {
  std::vector<double> losses;
  at::Tensor first_move;  // float64 on the CPU, all parameters in one
};

constexpr std::int64_t compared_steps = 5;

at::Tensor weights_of(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> flat;
  for (const auto& parameter : parameters) {
    flat.push_back(parameter.detach().flatten().to(at::kCPU, at::kDouble, false, /*copy=*/true));
  }
  return at::cat(flat);
}

struct Follows {
  std::vector<at::Tensor> parameters;
  Trajectory trajectory{};
  at::Tensor begin = weights_of(parameters);
  void on(const StepEnd& event) {
    trajectory.losses.push_back(event.train_loss.value_or(NAN));
    if (event.step == 1) trajectory.first_move = weights_of(parameters) - begin;
  }
};

Trajectory trajectory_on(c10::Device device, const data::ImageDataset& images) {
  auto run = small_run(device);
  run.limit_train_batches = compared_steps;
  Small trainer(small_net(), run);
  Follows follows{trainer.model()->parameters()};
  trainer.fit(images, follows);
  return follows.trajectory;
}

/// The same steps in float64 on the CPU, by hand.
Trajectory twin(const data::ImageDataset& images) {
  auto net = small_net();
  net->to(at::kDouble);
  const auto parameters = net->parameters();
  const auto begin = weights_of(parameters);
  const Small::policies_type policies;
  const TrainingFetch fetch(images, policies.at<slot::augmentation>(),
                            BatchWeight(policies.at<slot::task>(), policies.at<slot::loss>()),
                            small_batch, 0, 0);
  Trajectory trajectory;
  for (std::int64_t step = 0; step < compared_steps; ++step) {
    const auto batch = fetch(step).batch;
    net->zero_grad();
    auto loss = torch::nn::functional::cross_entropy(net->forward(batch.input.to(at::kDouble)),
                                                     batch.target);
    loss.backward();
    trajectory.losses.push_back(loss.item<double>());
    const at::NoGradGuard no_grad;
    for (const auto& parameter : parameters) {
      parameter.sub_(parameter.grad() * policies.at<slot::optimizer>().lr);
    }
    if (step == 0) trajectory.first_move = weights_of(parameters) - begin;
  }
  return trajectory;
}

/// What rounding may do. A ReLU that it flips moves a gradient a little, and later losses more each
/// step; a wrong step is off by far more at once.
constexpr double first_loss_bound = 1e-5;
constexpr double first_move_bound = 1e-2;
constexpr double later_losses_bound = 2e-2;

Outcome compared(const Trajectory& found, const Trajectory& expected) {
  const auto apart = [&](std::size_t step) {
    return std::abs(found.losses.at(step) / expected.losses.at(step) - 1);
  };
  const double first = apart(0);
  double later = 0;
  for (std::size_t step = 1; step < expected.losses.size(); ++step) {
    later = std::isfinite(apart(step)) ? std::max(later, apart(step)) : INFINITY;
  }
  const double move =
      ((found.first_move - expected.first_move).norm() / expected.first_move.norm()).item<double>();
  return holds_if(
      first <= first_loss_bound && move <= first_move_bound && later <= later_losses_bound,
      "relative distances: first loss " + short_number(first) + " (bound " +
          short_number(first_loss_bound) + "), first step " + short_number(move) + " (" +
          short_number(first_move_bound) + "), losses of " + std::to_string(compared_steps) +
          " steps " + short_number(later) + " (" + short_number(later_losses_bound) + ")",
      {{"losses", found.losses},
       {"expected", expected.losses},
       {"first_loss", first},
       {"first_step", move}});
}

Outcome against_twin(const Subject& subject) {
  const auto images = small_data(subject);
  return compared(trajectory_on(subject.device, images), twin(images));
}

Outcome against_cpu(const Subject& subject) {
  if (subject.device.is_cpu()) return not_run("the device is the CPU");
  const auto images = small_data(subject);
  return compared(trajectory_on(subject.device, images), trajectory_on(c10::kCPU, images));
}

StateDict end_of(const Subject& subject, std::int64_t workers) {
  Small::policies_type policies;
  policies.at<slot::loading>().workers = workers;
  Small trainer(small_net(), small_run(subject.device), policies);
  trainer.fit(small_data(subject));
  return trainer.save_state();
}

Outcome repeated(const Subject& subject) {
  return holds_if(same_bits(end_of(subject, 2), end_of(subject, 2)),
                  "weights, statistics and moments of two runs, bit by bit");
}

Outcome workers_alike(const Subject& subject) {
  const auto alone = end_of(subject, 0);
  bool same = true;
  for (const std::int64_t workers : {1, 3})
    same = same && same_bits(end_of(subject, workers), alone);
  return holds_if(same, "0, 1 and 3 workers, bit by bit");
}

struct SavesAt {
  Small* trainer;
  std::int64_t step;
  StateDict state{};
  void on(const StepEnd& event) {
    if (event.step == step) state = trainer->save_state();
  }
};

Outcome resumed(const Subject& subject) {
  const auto images = small_data(subject);
  const std::int64_t steps = images.size() / small_batch;
  Small whole(small_net(), small_run(subject.device));
  SavesAt saver{&whole, steps / 2};
  whole.fit(images, saver);
  Small rest(small_net(), small_run(subject.device));
  rest.load_state(saver.state);
  rest.fit(images);
  return holds_if(same_bits(rest.save_state(), whole.save_state()),
                  "saved after step " + std::to_string(saver.step) + " of " +
                      std::to_string(steps) + ", bit by bit");
}

}  // namespace

Checks training_checks() {
  const std::string group = "training";
  return {{group, "a float32 run follows its float64 twin", against_twin},
          {group, "the device follows the CPU", against_cpu},
          {group, "a run repeated gives the same bits", repeated},
          {group, "the number of loader threads changes nothing", workers_alike},
          {group, "a run that was saved resumes bit for bit", resumed}};
}

}  // namespace cifar10::checks
