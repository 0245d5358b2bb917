/// The metrics of one evaluation, added up on the device.
#pragma once

#include <gradus/compose/slot.hpp>
#include <gradus/core/history.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus {

/// Calls `visit(policy)` for each policy of axis metric, in canonical order.
template <class Policies, class Visit>
void for_each_metric(const Policies& policies, Visit&& visit) {
  policies.for_each([&]<class P>(const P& policy) {
    if constexpr (std::is_same_v<typename P::slot, slot::metric>) visit(policy);
  });
}

/// What an evaluation tells beside its loss. Throws ConfigurationError for two of one name.
template <class Policies>
std::vector<std::string> metric_names(const Policies& policies, bool counts_correct) {
  std::vector<std::string> names;
  if (counts_correct) names.emplace_back("accuracy");
  for_each_metric(policies, [&]<class P>(const P&) {
    const std::string label{std::string_view(P::label)};
    const bool taken = label == "loss" || std::ranges::find(names, label) != names.end();
    if (taken) {
      throw ConfigurationError("policy " + std::string(P::name) + " of axis metric is called '" +
                               label +
                               "', as the loss, what the loss policy counts or another "
                               "metric is; leave it out, or give it another label.");
    }
    names.push_back(label);
  });
  return names;
}

/// One tally for each metric of a trainer.
template <class Policies>
class MetricTallies {
 public:
  explicit MetricTallies(const Policies& policies) : policies_(&policies) {}

  /// What a task made of a batch. Throws ConfigurationError if a metric cannot compare it.
  template <class Result>
  void add(const Result& result) {
    std::size_t place = 0;
    for_each_metric(*policies_, [&]<class P>(const P& metric) {
      const auto& [output, target] = compared<P>(result);
      if constexpr (requires { metric.form_mistake(output, target); }) {
        const auto mistake = metric.form_mistake(output, target);
        if (!mistake.empty()) refuse<P>(mistake);
      }
      auto tally = metric.tally(output, target);
      if (place == tallies_.size()) {
        tallies_.push_back(std::move(tally));
      } else {
        tallies_[place].add_(tally);
      }
      ++place;
    });
  }

  /// Adds what other processes have, each of at least one batch; `counts` is false where that of
  /// this one is another's.
  void sum_over(Communicator& ranks, bool counts) {
    for (auto& tally : tallies_) {
      if (!counts) tally.zero_();
      ranks.sum(tally);
    }
  }

  /// Waits for the device.
  [[nodiscard]] std::vector<MetricValue> values() const {
    std::vector<MetricValue> values;
    std::size_t place = 0;
    for_each_metric(*policies_, [&]<class P>(const P& metric) {
      values.push_back({.label = std::string(std::string_view(P::label)),
                        .higher_is_better = P::higher_is_better});
      if (place == tallies_.size()) return;  // there was no batch
      const auto tally = tallies_[place++].cpu();
      values.back().value = metric.value(tally);
      if constexpr (requires { metric.values(tally); }) {
        const auto list = metric.values(tally).to(at::kDouble).contiguous();
        const auto* begin = list.template const_data_ptr<double>();
        values.back().values.assign(begin, begin + list.numel());
      }
    });
    return values;
  }

 private:
  struct Compared {
    const at::Tensor& output;
    const at::Tensor& target;
  };

  template <class P, class Result>
  static Compared compared(const Result& result) {
    if constexpr (requires { Compared{result.output, result.target}; }) {
      if (result.output.defined() && result.target.defined()) {
        return {result.output, result.target};
      }
    }
    refuse<P>("the task gives no output and target to compare");
  }

  template <class P>
  [[noreturn]] static void refuse(const std::string& why) {
    throw ConfigurationError(
        "policy " + std::string(P::name) +
        " of axis metric cannot be computed for this task on this data: " + why + ".");
  }

  const Policies* policies_;
  std::vector<at::Tensor> tallies_;
};

}  // namespace gradus
