/// Several processes share each batch, and sum its gradients while the backward pass runs.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/distributed/gradient_buckets.hpp>
#include <gradus/distributed/join_ranks.hpp>
#include <gradus/distributed/norm_scope.hpp>
#include <gradus/distributed/optimizer_shards.hpp>
#include <gradus/policy/distribution/concept.hpp>

#include <c10/core/ScalarType.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace gradus {

/// The type in which gradients travel and are summed.
enum class GradientType { own, bfloat16, float16 };

constexpr std::array<std::string_view, 3> enum_names(GradientType) {
  return {"own", "bfloat16", "float16"};
}

/// Each process, started with the variables of torchrun, has a copy of the model and a part of
/// each batch. A process without them does all. See docs/distributed.md.
struct DataParallel {
  using slot = slot::distribution;
  static constexpr std::string_view name = "DataParallel";
  static constexpr bool distributes = true;

  double bucket_megabytes = 4;
  GradientType gradient_type = GradientType::own;
  bool shared_norms = false;
  bool shard_optimizer = false;
  double timeout_seconds = 300;

  static constexpr auto fields() {
    return fields_of(
        field("bucket_megabytes", &DataParallel::bucket_megabytes, between(0.001, 1e6),
              "gradients that are summed at once, in MiB"),
        field("gradient_type", &DataParallel::gradient_type,
              "in which gradients are sent and summed; own: their own"),
        field("shared_norms", &DataParallel::shared_norms,
              "batch norms use the statistics of all processes, as SyncBatchNorm does"),
        field("shard_optimizer", &DataParallel::shard_optimizer,
              "each process keeps the optimizer state of a part of the parameters, and updates "
              "that part alone"),
        field("timeout_seconds", &DataParallel::timeout_seconds, between(1, 1e6),
              "longest wait for the other processes, before the run ends and names the ones that "
              "are missing"));
  }

  struct State {
    std::shared_ptr<Communicator> joined;
    std::unique_ptr<GradientBuckets> buckets{};
    std::unique_ptr<OptimizerShards> optimizer{};
  };

  /// Throws DistributedError for a process that does not come in time.
  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    const auto timeout = std::chrono::duration<double>(timeout_seconds);
    State state{.joined =
                    shared_ranks(std::chrono::duration_cast<std::chrono::milliseconds>(timeout))};
    if (state.joined->size() == 1) return state;
    constexpr double bytes_of_megabyte = 1 << 20;
    state.buckets = std::make_unique<GradientBuckets>(
        parameters, *state.joined, static_cast<std::int64_t>(bucket_megabytes * bytes_of_megabyte),
        sent_as());
    if (shard_optimizer) {
      state.optimizer = std::make_unique<OptimizerShards>(parameters, *state.joined);
    }
    return state;
  }
  [[nodiscard]] Communicator& ranks(const State& state) const { return *state.joined; }
  void begin_window(State& state) const { state.buckets->begin_window(); }
  void begin_last_pass(State& state, double factor) const {
    state.buckets->begin_last_pass(factor);
  }
  void finish_window(State& state) const { state.buckets->finish(); }
  [[nodiscard]] NormScope forward_scope(const State& state, bool trains) const {
    const bool shares = trains && shared_norms && state.joined->size() > 1;
    return NormScope(shares ? state.joined.get() : nullptr);
  }
  [[nodiscard]] OptimizerShards* shards(const State& state) const { return state.optimizer.get(); }
  [[nodiscard]] bool travels_short(const State& state) const { return state.buckets->are_short(); }
  [[nodiscard]] bool each_rank_computes() const { return shared_norms; }

 private:
  [[nodiscard]] std::optional<c10::ScalarType> sent_as() const {
    switch (gradient_type) {
      case GradientType::bfloat16:
        return c10::kBFloat16;
      case GradientType::float16:
        return c10::kHalf;
      default:
        return std::nullopt;
    }
  }
};
static_assert(DistributionPolicy<DataParallel>);

}  // namespace gradus
