/// The order of a pass over a dataset, as the sampling policy has it.
#pragma once

#include <gradus/compose/refusal.hpp>
#include <gradus/core/random.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/sample_weights.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/sampling/concept.hpp>
#include <gradus/train/step/call_mistakes.hpp>

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gradus {

namespace detail {

/// The class of each sample, which `targets` [size] says in whole numbers.
template <class Sampling>
at::Tensor classes_in(const at::Tensor& targets, std::int64_t size) {
  if (targets.dim() == 1 && targets.size(0) == size &&
      at::isIntegralType(targets.scalar_type(), false)) {
    return targets.to(at::kCPU, at::kLong).contiguous();
  }
  throw DataError("policy " + std::string(Sampling::name) +
                  " of axis sampling takes the class of each of " + std::to_string(size) +
                  " samples, but the targets of the dataset are " +
                  c10::str(targets.scalar_type(), " ", targets.sizes()) +
                  "; let `targets()` return a whole number for each sample, or choose Shuffle.");
}

}  // namespace detail

/// The indices that pass `pass` visits. Throws DataError for an order that is not as many indices
/// of the set as it has samples, and for weights that are none.
template <class Sampling, data::Dataset Train>
std::vector<std::int64_t> sample_order(const Sampling& sampling, const Train& train,
                                       std::uint64_t seed, std::int64_t pass) {
  const std::int64_t size = train.size();
  SampleDraw draw{.size = size, .seed = seed, .pass = pass};
  [[maybe_unused]] const Says<SamplingMistake<Train, Sampling>> refusal;
  at::Tensor classes;
  if constexpr (SamplingByClass<Sampling> && requires { train.targets(); }) {
    classes = detail::classes_in<Sampling>(train.targets(), size);
    draw.classes = {classes.template const_data_ptr<std::int64_t>(),
                    static_cast<std::size_t>(size)};
  }
  std::vector<double> weights;
  if constexpr (SamplingByWeight<Sampling> && requires { train.sample_weights(); }) {
    const auto& own = train.sample_weights();
    weights.assign(own.begin(), own.end());
    data::check_sample_weights(weights, size);
    draw.weights = weights;
  }
  auto order = sampling.order(draw);
  const auto refuse = [&](const std::string& found) {
    throw DataError("policy " + std::string(Sampling::name) + " of axis sampling gave " + found +
                    " for a set of " + std::to_string(size) +
                    " samples; expected as many indices from 0 to size - 1.");
  };
  if (std::ssize(order) != size) refuse("an order of " + std::to_string(order.size()) + " indices");
  for (const auto index : order) {
    if (index < 0 || index >= size) refuse("index " + std::to_string(index));
  }
  return order;
}

/// For each place of an order, how often the same sample has come before it in this pass. Empty if
/// none comes twice.
[[nodiscard]] inline std::vector<std::int64_t> repeats_in(const std::vector<std::int64_t>& order) {
  std::vector<std::int64_t> seen(order.size()), repeats;
  repeats.reserve(order.size());
  bool any = false;
  for (const auto index : order) {
    repeats.push_back(seen[static_cast<std::size_t>(index)]++);
    any = any || repeats.back() > 0;
  }
  return any ? repeats : std::vector<std::int64_t>();
}

/// The seed to draw a transform from: that of the run, and another one for each time that the
/// sample comes again in the pass.
[[nodiscard]] inline std::uint64_t draw_seed(std::uint64_t seed,
                                             const std::vector<std::int64_t>& repeats,
                                             std::size_t place) {
  return repeats.empty() || repeats[place] == 0 ? seed : mix(seed, repeats[place]);
}

}  // namespace gradus
