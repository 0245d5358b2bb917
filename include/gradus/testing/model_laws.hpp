/// Laws of the axes that act on a model before training: sharing and initialization.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/policy/initialization/concept.hpp>
#include <gradus/policy/sharing/concept.hpp>
#include <gradus/testing/broken_laws.hpp>

#include <torch/types.h>

#include <cstddef>

namespace gradus::testing {

/// `fresh()` makes the same model again.
template <class P, class MakeModel>
void sharing_laws(BrokenLaws& laws, const P& policy, MakeModel fresh) {
  auto model = fresh();
  const auto before = count_parameters(*model);
  policy.tie(model);
  const auto after = count_parameters(*model);
  laws.law(after <= before, "it adds no parameters");
  policy.tie(model);
  laws.law(count_parameters(*model) == after, "tying twice is tying once");
  model->to(torch::kDouble);
  laws.law(count_parameters(*model) == after, "what is shared stays so when the model moves");
}

/// `fresh()` makes the same model again.
template <class P, class MakeModel>
void initialization_laws(BrokenLaws& laws, const P& policy, MakeModel fresh) {
  auto one = fresh();
  auto two = fresh();
  const auto names = unique_parameters(*one);
  policy.initialize(one);
  policy.initialize(two);
  const auto first = unique_parameters(*one);
  const auto second = unique_parameters(*two);
  laws.law(first.size() == names.size(), "it adds and removes no parameters");
  for (std::size_t i = 0; i < first.size() && i < second.size(); ++i) {
    laws.law(first[i].tensor.equal(second[i].tensor), "the same model gets the same weights");
    laws.law(first[i].tensor.requires_grad() == names[i].tensor.requires_grad(),
             "what is trained stays so");
    laws.law(first[i].tensor.isfinite().all().template item<bool>(), "weights are finite");
  }
}

}  // namespace gradus::testing
