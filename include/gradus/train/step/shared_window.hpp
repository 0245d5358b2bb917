/// A window whose batches several processes share.
#pragma once

#include <gradus/compose/slot.hpp>
#include <gradus/core/random.hpp>
#include <gradus/core/rank_share.hpp>
#include <gradus/core/step_plan.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/error.hpp>
#include <gradus/train/step/loss_meter.hpp>
#include <gradus/train/step/model_step.hpp>
#include <gradus/train/step/window_weight.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Device.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gradus {

/// LibTorch's random numbers of a rank behind the first become a function of (seed, window, rank):
/// ranks do not drop the same units out, and a resumed run draws what it would have drawn.
inline void seed_window(const RankShare& share, std::uint64_t seed, std::int64_t window,
                        c10::Device device) {
  if (share.rank == 0) return;  // its numbers are those of a run of one process
  const auto reseed = [&](at::Generator generator) {
    const std::lock_guard lock(generator.mutex());
    generator.set_current_seed(mix(seed, window, share.rank));
  };
  reseed(at::detail::getDefaultCPUGenerator());
  if (device.is_cuda()) reseed(at::globalContext().defaultGenerator(device));
}

/// Whether no rank may be without a part of a batch, as where norms are over all ranks.
template <class Distribution>
[[nodiscard]] bool computes_on_each(const Distribution& policy) {
  if constexpr (requires { policy.each_rank_computes(); }) {
    return policy.each_rank_computes();
  } else {
    return false;
  }
}

/// Throws ConfigurationError for a run with a batch of which some rank would have nothing, where
/// none may be without a part.
template <class Distribution>
void check_parts(const Distribution& policy, const RankShare& share, const StepPlan& plan) {
  if (share.size == 1 || !computes_on_each(policy)) return;
  const bool ends_before = plan.total_steps() < plan.pass_steps();
  const auto smallest = ends_before ? plan.batch_size : plan.smallest_batch();
  if (smallest >= share.size) return;
  throw ConfigurationError(
      "a training batch holds " + std::to_string(smallest) +
      (smallest == 1 ? " sample" : " samples") + ", which " + std::to_string(share.size) +
      " processes share, but norms over all processes need a sample on each; set "
      "loading.drop_last to true, loading.batch_size so that no batch of " +
      std::to_string(plan.samples) +
      " samples is that small, or distribution.shared_norms to false.");
}

/// The gradient of the window becomes that of the mean over all that counts in it, on whichever
/// rank. What the ranks tell each other of it, losses and weights and whether one asks for an end,
/// travels before the gradients, while the backward pass computes them.
template <class M, class Policies>
class SharedWindow {
 public:
  struct Expected {
    std::int64_t batches = 0;  ///< of each rank at most
    std::int64_t samples = 0;  ///< that a rank's batches are parts of
    double weight = 0;         ///< of the window over all ranks, about; the same on all
  };

  SharedWindow(ModelStep<M, Policies>& step, Communicator& ranks, const Expected& expected,
               bool asks_to_end)
      : step_(&step),
        ranks_(&ranks),
        expected_(expected),
        // Then gradients have one scale on all ranks, within their passes too: those of norms are
        // summed there.
        weight_(expected.samples, computes_on_each(distribution()) ? expected.weight : 0),
        losses_(static_cast<std::size_t>(expected.batches)),
        places_(static_cast<std::size_t>(expected.batches)),
        facts_(at::zeros({2 * expected.batches + 2}, at::kDouble)),
        scale_(expected.weight) {
    facts()[2 * expected.batches] = asks_to_end ? 1 : 0;
    distribution().begin_window(state());
  }

  /// This rank's part of a batch: the factor of its mean loss, 0 where none of its weight is here.
  double add(std::int64_t batch, std::int64_t samples, double weight, const LossPlace& place) {
    places_[static_cast<std::size_t>(batch)] = place;
    facts()[expected_.batches + batch] = static_cast<double>(samples);
    if (weight == 0) {
      if (!computes_on_each(distribution())) return 0;
      throw DataError("rank " + std::to_string(ranks_->rank()) +
                      " has nothing of a batch that counts, but norms over all processes are "
                      "computed by each" +
                      at_place(place) +
                      "; take larger batches or fewer processes, or leave out samples that do not "
                      "count.");
    }
    facts()[batch] = weight;
    return computes_on_each(distribution()) ? weight_.add(samples, weight)
                                            : add_batch(*step_, weight_, samples, weight);
  }
  /// Between the forward pass of that batch and its backward pass, which take `flops`; all batches
  /// of this rank have been added when the `last` one comes.
  void keep(std::int64_t batch, const at::Tensor& loss, double flops, bool last) {
    facts()[2 * expected_.batches + 1] += flops;
    losses_[static_cast<std::size_t>(batch)] = loss.detach().to(at::kDouble) * facts()[batch];
    if (last) begin_last_pass();
  }

  /// Behind all passes. Waits for the other ranks; the model's gradients, what is read here and the
  /// losses, which go to `meter`, are then those of all.
  void finish(LossMeter& meter) {
    if (!facts_sum_) begin_last_pass();
    if (!facts_are_read_) read_facts();
    losses_sum_->wait();
    distribution().finish_window(state());
    for (std::int64_t batch = 0; batch < expected_.batches; ++batch) {
      const double weight = facts()[batch];
      if (weight == 0) continue;
      meter.add(all_losses_.select(0, batch) / weight,
                static_cast<std::int64_t>(facts()[expected_.batches + batch]), weight,
                places_[static_cast<std::size_t>(batch)]);
    }
  }
  /// Whether no target of the window counts, on any rank.
  [[nodiscard]] bool empty() const { return total_ == 0; }
  /// The factor of the gradients at the end.
  [[nodiscard]] double correction() const { return scale_ / total_; }
  /// Of all ranks.
  [[nodiscard]] double flops() const { return facts()[2 * expected_.batches + 1]; }
  /// Whether a rank has asked for an end.
  [[nodiscard]] bool asks_to_end() const { return facts()[2 * expected_.batches] > 0; }

 private:
  void begin_last_pass() {
    facts_sum_ = ranks_->start_sum(facts_);
    for (auto& loss : losses_) {
      if (!loss.defined()) loss = at::zeros({}, at::device(step_->device()).dtype(at::kDouble));
    }
    all_losses_ = at::stack(losses_);
    losses_sum_ = ranks_->start_sum(all_losses_);
    if (travels_short()) {  // as means, which 16 bits hold, whatever a sample weighs
      read_facts();
      if (total_ > 0) scale_ = total_;
    }
    distribution().begin_last_pass(state(), weight_.empty() ? 1 : weight_.expected() / scale_);
  }
  void read_facts() {
    facts_sum_->wait();
    facts_are_read_ = true;
    for (std::int64_t batch = 0; batch < expected_.batches; ++batch) total_ += facts()[batch];
  }

  bool travels_short() {
    if constexpr (requires { distribution().travels_short(state()); }) {
      return distribution().travels_short(state());
    } else {
      return false;
    }
  }

  [[nodiscard]] const auto& distribution() const {
    return step_->template at<slot::distribution>();
  }
  [[nodiscard]] auto& state() { return step_->template state<slot::distribution>(); }
  [[nodiscard]] double* facts() const { return facts_.template mutable_data_ptr<double>(); }

  ModelStep<M, Policies>* step_;
  Communicator* ranks_;
  Expected expected_;
  WindowWeight weight_;
  std::vector<at::Tensor> losses_;  ///< [] each, times its weight; of this rank
  std::vector<LossPlace> places_;
  at::Tensor facts_;       ///< weights, samples, whether an end is asked for, flops; on the host
  double scale_;           ///< that gradients are divided by before they are summed
  at::Tensor all_losses_;  ///< [batches]
  std::unique_ptr<PendingSum> facts_sum_, losses_sum_;
  double total_ = 0;  ///< weight over all ranks
  bool facts_are_read_ = false;
};

}  // namespace gradus
