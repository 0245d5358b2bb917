/// What a trainer does with other processes: the step that they share, and what they agree on.
/// Included by train/trainer.hpp.
#pragma once

#include <gradus/distributed/communicator.hpp>
#include <gradus/distributed/same_on_all.hpp>
#include <gradus/distributed/share_state.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/model/batch_norms.hpp>
#include <gradus/train/run/ranks.hpp>
#include <gradus/train/run/run_configuration.hpp>
#include <gradus/train/run/run_facts.hpp>
#include <gradus/train/step/model_state.hpp>
#include <gradus/train/step/shared_window.hpp>

#include <string>
#include <vector>

namespace gradus {

/// Makes sure that all ranks train the same run, and gives them the weights of the first one.
template <class M, class Policies>
void BasicTrainer<M, Policies>::begin_ranks(const DataMarks& data, const StepPlan& plan) {
  if constexpr (Traits::distributes) {
    if (ranks() == nullptr) return;
    std::vector<std::string> facts;
    auto configuration = run_configuration(*this);
    configuration["policies"]["distribution"] = policy_to_json(at<slot::distribution>());
    configuration["run"]["stop_after_steps"] = run_.stop_after_steps.value_or(0);
    add_facts(facts, configuration);
    add_facts(facts, parameters(), *model());
    const auto mark = [&](const char* name, const DataMark& of) {
      facts.push_back(std::string(name) + ": " + std::to_string(of.samples) +
                      " samples with fingerprint " + std::to_string(of.fingerprint));
    };
    mark("training data", data.train);
    mark("held-out data", data.held_out);
    facts.push_back("steps: " + std::to_string(plan.total_steps()));
    facts.push_back(goes_on_ ? "resumed: at step " + std::to_string(progress_.steps) + ", window " +
                                   std::to_string(progress_.windows)
                             : std::string("resumed: no"));
    check_same_on_all(*ranks(), facts);
    share_values(ranks(), parameters());
    share_values(ranks(), unique_buffers(*model()));
    shared_buffers_.reset();
  }
}

/// The first rank tells the observers, which it alone has. Where the optimizer's state is divided
/// the others wait meanwhile, and give their parts if an observer saves.
template <class M, class Policies>
template <class Event, class... Os>
void BasicTrainer<M, Policies>::tell(const Event& event, Os&... observers) {
  if constexpr (Traits::distributes) {
    if (auto* shards = model_step_.shards()) {
      return shards->first_acts([&] { notify(event, observers...); },
                                [&] { model_step_.help_save(); });
    }
  }
  if (share().rank == 0) notify(event, observers...);
}

/// One window of which this rank computes its part of each micro-batch.
template <class M, class Policies>
template <class Feed>
bool BasicTrainer<M, Policies>::shared_step(Feed& feed, const StepPlan& plan, const Rates& rates,
                                            StepContext context) {
  const auto window = progress_.windows - 1;
  const auto samples = plan.window_samples(window);
  const auto batches = plan.window_batches(window);
  seed_window(share(), run_.seed, window, run_.device);
  // Once an epoch: an observer, which rank 0 alone has, may change the mode of a part meanwhile.
  if (progress_.window == 0 || !shared_buffers_) {
    shared_buffers_ = buffers_read_in_training(*model());
  }
  share_together(*ranks(), *shared_buffers_);
  model_step_.guard().keep_buffers(*model());
  SharedWindow<M, Policies> shared(
      model_step_, *ranks(),
      {.batches = batches, .samples = samples, .weight = static_cast<double>(samples)},
      interruption_.asked_here());
  for (; context.micro_batch < batches; ++context.micro_batch) {
    const auto micro = next_batch(feed, plan, context);
    const bool last = context.micro_batch + 1 == batches;
    const auto held = micro->stands_in ? 0 : micro->size();
    const double part = shared.add(context.micro_batch, held, micro->weight, place_);
    if (part == 0) continue;
    forward_backward(micro->batch, part, context, [&](const at::Tensor& loss) {
      shared.keep(context.micro_batch, loss, flops_.of(micro->batch), last);
    });
  }
  shared.finish(meter_);
  interruption_.agree(shared.asks_to_end());
  if (shared.empty()) return false;
  model_step_.guard().check_first_gradients(parameters());
  const bool stepped = model_step_.step(rates, context, shared.correction(), meter_, place_);
  progress_.epoch_flops += shared.flops();
  return stepped;
}

}  // namespace gradus
