/// Any two layers of a model with one weight, named by pointers to members.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/policy/sharing/concept.hpp>

namespace gradus {

/// When to use: a model of one's own has two layers that should be one, such as the embedding and
/// the output of a language model: `TieWeights<&NetImpl::embedding, &NetImpl::output>`. Both are
/// module holders with a parameter `weight` of the same shape; the second takes the first's.
/// Source: Press and Wolf 2017, "Using the Output Embedding to Improve Language Models".
template <auto First, auto Second>
struct TieWeights {
  using slot = slot::sharing;
  static constexpr std::string_view name = "TieWeights";
  static constexpr std::string_view needs =
      "the two members that TieWeights names, with a `weight`";
  static constexpr auto fields() { return no_fields; }

  template <class Model>
    requires requires(Model& model) {
      ((*model).*First)->weight;
      ((*model).*Second)->weight;
    }
  void tie(Model& model) const {
    auto& first = (*model).*First;
    auto& second = (*model).*Second;
    if (first->weight.is_same(second->weight)) return;
    tie_parameter(*second, "weight", second->weight, first->weight);
  }
};

}  // namespace gradus
