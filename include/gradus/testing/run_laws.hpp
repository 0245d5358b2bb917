/// Laws of a trainer's policies over runs that follow one another.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/policy/loading/plain.hpp>
#include <gradus/testing/broken_laws.hpp>
#include <gradus/train/trainer.hpp>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

namespace gradus::testing {

/// A small model with a batch norm, for the laws over whole runs: [N, 6] -> [N, 3].
struct RunNetImpl : torch::nn::Module {
  torch::nn::Linear hidden = register_module("hidden", torch::nn::Linear(6, 8));
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(8));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(8, 3));

  at::Tensor forward(const at::Tensor& x) { return head(norm(hidden(x)).relu()); }
};
TORCH_MODULE(RunNet);

/// Points of three classes, which the first epochs do not learn whole.
class RunPoints {
 public:
  explicit RunPoints(std::int64_t size) {
    const auto index = torch::arange(static_cast<float>(size * 6)).reshape({size, 6});
    targets_ = torch::arange(size).remainder(3);
    inputs_ = (index * 13).remainder(29) / 14 - 1 + 0.3 * targets_.unsqueeze(1);
  }

  [[nodiscard]] std::int64_t size() const { return targets_.size(0); }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    if (fails_after-- == 0) throw std::runtime_error("the data of the law ends here");
    const auto index = torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()));
    return {inputs_.index_select(0, index), targets_.index_select(0, index)};
  }

  mutable std::int64_t fails_after = -1;  ///< batches; below 0: never

 private:
  at::Tensor inputs_;   ///< [N, 6]
  at::Tensor targets_;  ///< [N]
};

/// What came of a run: losses, rates, records, weights and statistics.
struct RunTrace {
  std::vector<double> numbers{};
  std::vector<at::Tensor> tensors{};

  void on(const StepEnd& event) {
    numbers.push_back(event.learning_rate);
    numbers.push_back(event.train_loss.value_or(-1));
  }
  void on(const EpochEnd& event) {
    numbers.push_back(event.record.train_loss.value_or(-1));
    numbers.push_back(event.record.test->loss.value_or(-1));
    numbers.push_back(static_cast<double>(event.record.optimizer_steps));
  }
  bool operator==(const RunTrace& other) const {
    bool same = numbers == other.numbers && tensors.size() == other.tensors.size();
    for (std::size_t i = 0; same && i < tensors.size(); ++i) {
      same = tensors[i].equal(other.tensors[i]);
    }
    return same;
  }
};

/// Parameters and buffers.
inline std::vector<NamedTensor> state_of_model(const torch::nn::Module& model) {
  auto state = unique_parameters(model);
  for (const auto& buffer : unique_buffers(model)) state.push_back(buffer);
  return state;
}

/// A trainer with policies `Ps`, and the model that it begins with.
template <class... Ps>
class RunTrial {
 public:
  using T = Trainer<RunNet, Preset<Plain{.batch_size = 4}>, Ps...>;

  explicit RunTrial(const typename T::policies_type& policies = {}) : policies_(policies) {
    torch::manual_seed(0);
    model_ = RunNet();
    for (const auto& [name, tensor] : state_of_model(*model_))
      begin_.push_back(tensor.detach().clone());
  }

  [[nodiscard]] T trainer() const { return T(model_, settings, policies_); }

  /// Puts the first weights and statistics back.
  void begin_again() {
    const at::NoGradGuard no_grad;
    auto state = state_of_model(*model_);
    for (std::size_t i = 0; i < state.size(); ++i) state[i].tensor.copy_(begin_[i]);
  }

  RunTrace run(T& trainer) {
    RunTrace trace;
    trainer.fit(RunPoints(26), RunPoints(12), trace);
    for (const auto& [name, tensor] : state_of_model(*model_)) {
      trace.tensors.push_back(tensor.detach().clone());
    }
    return trace;
  }

  RunSettings settings{.seed = 3, .epochs = 6, .device = c10::kCPU, .log_every_steps = 2};

 private:
  typename T::policies_type policies_;
  RunNet model_{nullptr};
  std::vector<at::Tensor> begin_;
};

/// A second run of a trainer, with the first weights put back, is the first run again: whatever
/// ended the first, and who else trained the model. The optimizer is the neutral one, whose
/// state is empty; that of others is kept from run to run.
template <class... Ps>
void run_laws(BrokenLaws& laws, const typename RunTrial<Ps...>::T::policies_type& policies = {}) {
  RunTrial<Ps...> trial(policies);
  auto trainer = trial.trainer();
  trial.begin_again();
  const auto first = trial.run(trainer);
  trial.begin_again();
  laws.law(trial.run(trainer) == first, "a second fit is a second run");

  trial.begin_again();
  RunPoints broken(26);
  broken.fails_after = 9;
  bool thrown = false;
  try {
    trainer.fit(broken, RunPoints(12));
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  laws.law(thrown, "what a dataset throws comes out of fit");
  trial.begin_again();
  laws.law(trial.run(trainer) == first,
           "a fit after one that an exception ended is a run of its own");

  trial.begin_again();
  struct Save {
    typename RunTrial<Ps...>::T* trainer;
    StateDict state{};
    std::int64_t steps = 0;
    void on(const StepEnd&) {
      if (++steps == 5) state = trainer->save_state();
    }
  } save{&trainer};
  trainer.fit(RunPoints(26), RunPoints(12), save);
  trainer.load_state(save.state);
  const auto rest = trial.run(trainer);
  laws.law(rest.tensors.size() == first.tensors.size() &&
               RunTrace{{}, rest.tensors} == RunTrace{{}, first.tensors},
           "a run that is loaded again ends as the whole one");
  trial.begin_again();
  laws.law(trial.run(trainer) == first, "a fit after a run that was loaded is a run of its own");

  auto other = trial.trainer();
  trial.begin_again();
  laws.law(trial.run(other) == first, "a second trainer of a model trains it as the first did");
  trial.begin_again();
  laws.law(trial.run(trainer) == first, "two trainers of one model have two run states");
}

}  // namespace gradus::testing
