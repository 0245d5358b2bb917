/// Laws of tasks and metrics.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/batch_tensors.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/data/stream.hpp>
#include <gradus/policy/metric/concept.hpp>
#include <gradus/policy/task/concept.hpp>
#include <gradus/testing/common_laws.hpp>
#include <gradus/train/model/evaluation_mode.hpp>
#include <gradus/train/step/criterion.hpp>
#include <gradus/train/step/loss_inputs.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus::testing {

/// Outputs of 12 samples with targets of a form that a policy takes, as `mistake(output, target)`
/// says: classes, or numbers from 0 to 1 of the outputs' shape.
template <class Mistake>
std::pair<at::Tensor, at::Tensor> pairs_for(Mistake mistake) {
  const auto scores = torch::randn({12, 10});
  const auto classes = torch::arange(12).remainder(10);
  if (mistake(scores, classes).empty()) return {scores, classes};
  return {scores, torch::randn({12, 10}).softmax(1)};
}

template <class P>
void axis_laws(slot::metric, BrokenLaws& laws, const P& policy) {
  const auto [output, target] = pairs_for([&](const auto& x, const auto& y) {
    if constexpr (requires { policy.form_mistake(x, y); }) {
      return policy.form_mistake(x, y);
    } else {
      return std::string();
    }
  });
  const auto tally = [&, &x = output, &y = target](std::int64_t first, std::int64_t count) {
    return policy.tally(x.narrow(0, first, count), y.narrow(0, first, count));
  };
  const auto whole = tally(0, 12);
  const auto type = whole.scalar_type();
  laws.law(type == at::kLong || type == at::kDouble, "a tally is int64 or float64");
  laws.law(tally(0, 5).sizes() == whole.sizes(), "its shape is the same for every batch");
  const auto parts = tally(7, 5) + tally(0, 3) + tally(3, 4);
  const auto value = policy.value(whole);
  const auto again = policy.value(parts);
  laws.law(value.has_value() && again.has_value(), "it has a value where there are samples");
  if (value && again) {
    laws.law(std::isfinite(*value), "its value is finite");
    laws.law(std::abs(*value - *again) <= 1e-9 * (1 + std::abs(*value)),
             "tallies of parts add up to that of the whole, in any order");
  }
  laws.law(!policy.value(at::zeros_like(whole)).has_value(), "over nothing it is absent");
  const std::string_view label = P::label;
  laws.law(!label.empty() && label != "loss" && label.size() < 48 &&
               label.find_first_of(" /\"") == label.npos,
           "its label is one word, and not 'loss'");
}

/// A task, on the model and the data that it is for. `loss` is the loss policy that it is given.
template <PolicyOf<slot::task> P, class Model, class Data, class Loss>
void task_laws(BrokenLaws& laws, const P& task, Model model, const Data& data, const Loss& loss) {
  const auto batch_of = [&](std::int64_t first, std::int64_t count) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), first);
    return data.batch(std::span<const std::int64_t>(order));
  };
  const std::int64_t size = std::min<std::int64_t>(data.size(), 12);
  laws.law(size >= 3, "its laws need a dataset of at least 3 samples");
  if (size < 3) return;
  const BatchWeight weight(task, loss);
  const EvaluationMode evaluation_mode(*model);
  const auto mean = [&](const auto& batch) {
    return task.forward(model, batch, Criterion(loss, Pass::evaluation)).loss;
  };
  const auto all = batch_of(0, size);
  const auto whole = task.forward(model, all, Criterion(loss, Pass::training)).loss;
  laws.law(whole.dim() == 0 && whole.is_floating_point(), "its loss is one float");
  laws.law(whole.requires_grad(), "its loss has a gradient");
  laws.law(mean(all).equal(mean(all)), "it gives the same for the same");

  const auto weighted = [&](std::int64_t first, std::int64_t count) {
    const auto part = batch_of(first, count);
    return mean(part).template item<double>() * weight(part);
  };
  const double sum = weighted(0, size / 3) + weighted(size / 3, size - size / 3);
  laws.law(weight(all) > 0, "its weight is above 0 where something counts");
  laws.law(std::abs(sum - weighted(0, size)) <= 1e-5 * (1 + std::abs(sum)),
           "means weighted by its weight add up to the mean of all");
  const at::NoGradGuard no_grad;
  laws.law(!mean(all).requires_grad(), "it can be computed without a gradient");
}

/// Whether two batches hold the same values.
template <class B>
[[nodiscard]] bool same_values(const B& one, const B& other) {
  const auto equal = [](const at::Tensor& a, const at::Tensor& b) {
    return a.defined() == b.defined() &&
           (!a.defined() || at::allclose(a.to(at::kDouble), b.to(at::kDouble), 0, 0, true));
  };
  const auto first = tensors_of(one);
  const auto second = tensors_of(other);
  return std::ranges::equal(first, second, equal);
}

/// Whether each tensor of a batch has a row for each sample, unless the batch says that it has not.
template <class B>
[[nodiscard]] bool has_rows(const B& batch) {
  bool rows = true;
  if constexpr (!requires { B::packed; }) {
    visit_tensors(batch, [&](const at::Tensor& tensor) {
      rows = rows && rows_of(tensor) == batch_size(batch);
    });
  }
  return rows;
}

/// The batches of a dataset.
template <class Data>
void batch_laws(BrokenLaws& laws, const Data& data) {
  const std::vector<std::int64_t> order{1, 0, 1};
  const auto batch = data.batch(std::span<const std::int64_t>(order));
  laws.law(batch_size(batch) == 3, "a batch has a sample for each index");
  laws.law(same_values(batch, data.batch(std::span<const std::int64_t>(order))),
           "the same indices give the same batch");
  laws.law(has_rows(batch), "each tensor has a row for each index");
  using B = std::remove_cvref_t<decltype(batch)>;
  if constexpr (!requires { B::packed; }) {
    if (!has_rows(batch)) return;
    visit_tensors(batch, [&](const at::Tensor& tensor) {
      laws.law(same_values(at::Tensor(tensor[0]), at::Tensor(tensor[2])),
               "a sample is the same wherever it stands");
    });
  }
}

/// The batches of a stream that `make()` opens, each time at its beginning.
template <class Make>
void stream_laws(BrokenLaws& laws, Make make) {
  auto stream = make();
  using S = decltype(stream);
  static_assert(data::Stream<S>);
  for (const std::int64_t asked : {1, 5, 3}) {
    const auto batch = stream.next(asked);
    if (!batch) return;
    const auto samples = batch_size(*batch);
    laws.law(samples >= 1 && samples <= asked,
             "a batch has up to as many samples as are asked for");
    laws.law(has_rows(*batch), "each tensor has a row for each sample");
  }
  if constexpr (data::PositionedStream<S>) {
    StateDict place;
    stream.save(place);
    const auto next = stream.next(4);
    auto other = make();
    other.load(place);
    const auto again = other.next(4);
    laws.law(next.has_value() == again.has_value() && (!next || same_values(*next, *again)),
             "a stream that was put where another one stood gives the same");
  }
}

}  // namespace gradus::testing
