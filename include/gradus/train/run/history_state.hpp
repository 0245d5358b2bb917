/// The records of a run's epochs as tensors: what a checkpoint holds of them.
#pragma once

#include <gradus/core/history.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/files/crc32c.hpp>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace gradus {

namespace detail {

template <class Number, class Table>
void take_number(Table& table, Number& number, bool store) {
  if (store) {
    *table++ = number;
  } else {
    number = *table++;
  }
}

/// One row of each table from a record, or into it.
class HistoryRow {
 public:
  HistoryRow(std::int64_t* counts, double* figures, double* seconds, bool store)
      : counts_(counts), figures_(figures), seconds_(seconds), store_(store) {}

  void pass(EpochRecord& record) {
    for (auto* count :
         {&record.epoch, &record.samples, &record.optimizer_steps, &record.skipped_steps}) {
      take_number(counts_, *count, store_);
    }
    pass(record.train_loss);
    take_number(figures_, record.flops, store_);
    take_number(seconds_, record.train_seconds, store_);
    take_number(seconds_, record.waiting_seconds, store_);
    pass(record.test);
    pass(record.test_flipped);
  }

 private:
  /// Whether a metric is there is a count of its own.
  void pass(std::optional<double>& metric) {
    std::int64_t present = metric ? 1 : 0;
    double value = metric.value_or(0);
    take_number(counts_, present, store_);
    take_number(figures_, value, store_);
    if (!store_ && present != 0) metric = value;
  }
  void pass(std::optional<Evaluation>& optional) {
    auto evaluation = optional.value_or(Evaluation{.samples = -1});
    take_number(counts_, evaluation.samples, store_);
    take_number(counts_, evaluation.counted, store_);
    take_number(counts_, evaluation.correct, store_);
    pass(evaluation.loss);
    if (!store_ && evaluation.samples >= 0) optional = evaluation;
  }

  std::int64_t* counts_;
  double* figures_;
  double* seconds_;
  bool store_;
};

constexpr std::int64_t history_counts = 13;
constexpr std::int64_t history_figures = 4;
constexpr std::int64_t history_seconds = 2;

inline void pass_history(History& history, const at::Tensor& counts, const at::Tensor& figures,
                         const at::Tensor& seconds, bool store) {
  auto* count = counts.mutable_data_ptr<std::int64_t>();
  auto* figure = figures.mutable_data_ptr<double>();
  auto* second = seconds.mutable_data_ptr<double>();
  for (auto& record : history.epochs) {
    HistoryRow(count, figure, second, store).pass(record);
    count += history_counts;
    figure += history_figures;
    second += history_seconds;
  }
}

/// Calls `visit(metric)` for each metric of each evaluation, in order.
template <class AnyHistory, class Visit>
void for_each_metric_value(AnyHistory& history, Visit&& visit) {
  for (auto& record : history.epochs) {
    for (auto* evaluation : {&record.test, &record.test_flipped}) {
      if (!*evaluation) continue;
      for (auto& metric : (*evaluation)->metrics) visit(metric);
    }
  }
}

}  // namespace detail

/// Which metrics they are, as one number.
inline std::int64_t names_of_metrics(const std::vector<MetricValue>& known) {
  std::uint32_t sum = 0;
  for (const auto& metric : known) sum = crc32c(metric.label + '\n', sum);
  return sum;
}

/// The metrics of all evaluations as one row of numbers: of each its value, or NaN, how many values
/// of classes it has, and these.
inline at::Tensor metrics_to_tensor(const History& history) {
  std::vector<double> numbers;
  detail::for_each_metric_value(history, [&](const MetricValue& metric) {
    numbers.push_back(metric.value.value_or(std::numeric_limits<double>::quiet_NaN()));
    numbers.push_back(static_cast<double>(metric.values.size()));
    numbers.insert(numbers.end(), metric.values.begin(), metric.values.end());
  });
  auto row = at::empty({static_cast<std::int64_t>(numbers.size())}, at::kDouble);
  std::ranges::copy(numbers, row.mutable_data_ptr<double>());
  return row;
}

/// The metrics of a history that was loaded; `known` are those of this trainer, without values.
/// Throws CheckpointError for a row of another form.
inline void take_metrics(const at::Tensor& row, const std::vector<MetricValue>& known,
                         History& history) {
  const auto* next = row.const_data_ptr<double>();
  const auto* end = next + row.numel();
  const auto number = [&] {
    if (next != end) return *next++;
    throw CheckpointError(
        "the saved state has metrics that are not those of this run; resume the configuration that "
        "it came from.");
  };
  for (auto& record : history.epochs) {
    for (auto* evaluation : {&record.test, &record.test_flipped}) {
      if (*evaluation) (*evaluation)->metrics = known;
    }
  }
  detail::for_each_metric_value(history, [&](MetricValue& metric) {
    const double value = number();
    if (!std::isnan(value)) metric.value = value;
    for (auto count = number(); count > 0; --count) metric.values.push_back(number());
  });
  if (next == end) return;
  next = end;
  number();  // there are more than are known
}

/// Seconds and memory go under "time/", as they differ from run to run.
inline void save_history(History history, const std::vector<MetricValue>& known, StateDict& to) {
  const auto epochs = static_cast<std::int64_t>(history.epochs.size());
  const auto counts = at::empty({epochs, detail::history_counts}, at::kLong);
  const auto figures = at::empty({epochs, detail::history_figures}, at::kDouble);
  const auto seconds = at::empty({epochs, detail::history_seconds}, at::kDouble);
  detail::pass_history(history, counts, figures, seconds, /*store=*/true);
  to.put("history/counts", counts);
  to.put("history/figures", figures);
  to.put("history/metrics", metrics_to_tensor(history));
  to.put("history/metric_names", names_of_metrics(known));
  to.put("time/epochs", seconds);
  const auto memory = at::empty({epochs}, at::kLong);
  auto* bytes = memory.mutable_data_ptr<std::int64_t>();
  for (const auto& record : history.epochs) *bytes++ = record.peak_memory;
  to.put("time/peak_memory", memory);
}

/// `known` are the metrics of this trainer, without values. Throws CheckpointError for tables of
/// another form.
[[nodiscard]] inline History load_history(const StateDict& from,
                                          const std::vector<MetricValue>& known) {
  const auto counts = from.copy("history/counts");
  const auto figures = from.copy("history/figures");
  const auto seconds = from.copy("time/epochs");
  const auto fits = [&](const at::Tensor& table, std::int64_t columns, at::ScalarType type) {
    return table.dim() == 2 && table.size(0) == counts.size(0) && table.size(1) == columns &&
           table.scalar_type() == type;
  };
  const auto refuse = [] {
    throw CheckpointError(
        "the saved state has a history of another form; resume it with the version of gradus that "
        "it came from.");
  };
  if (counts.dim() != 2 || !fits(counts, detail::history_counts, at::kLong) ||
      !fits(figures, detail::history_figures, at::kDouble) ||
      !fits(seconds, detail::history_seconds, at::kDouble)) {
    refuse();
  }
  History history{{}, RunEnd::unfinished};
  history.epochs.resize(static_cast<std::size_t>(counts.size(0)));
  detail::pass_history(history, counts, figures, seconds, /*store=*/false);
  if (from.number("history/metric_names") != names_of_metrics(known)) {
    throw CheckpointError(
        "the saved state has other metrics than this run; resume the configuration that it came "
        "from.");
  }
  take_metrics(from.copy("history/metrics"), known, history);
  if (!from.has("time/peak_memory")) return history;  // of a version before it
  const auto memory = from.copy("time/peak_memory");
  if (memory.dim() != 1 || !memory.sizes().equals(counts.sizes().slice(0, 1)) ||
      memory.scalar_type() != at::kLong) {
    refuse();
  }
  const auto* bytes = memory.const_data_ptr<std::int64_t>();
  for (auto& record : history.epochs) record.peak_memory = *bytes++;
  return history;
}

}  // namespace gradus
