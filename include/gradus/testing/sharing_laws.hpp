/// Laws of the sharing axis, which need a model to share in.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/policy/sharing/concept.hpp>
#include <gradus/testing/broken_laws.hpp>

#include <torch/types.h>

namespace gradus::testing {

/// `fresh()` makes the same model anew.
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

}  // namespace gradus::testing
