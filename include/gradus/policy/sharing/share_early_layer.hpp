/// Two convolutions of an early layer with one weight.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/policy/sharing/concept.hpp>

namespace gradus {

/// A model that offers two layers whose weights have the same shape: `model->shareable_layers()` is
/// a pair of module holders, each with a parameter `weight`.
template <class Model>
concept OffersShareableLayers = requires(Model& model) {
  model->shareable_layers().first->weight;
  model->shareable_layers().second->weight;
};

/// When to use: to save memory and parameters, never to save time: the arithmetic stays the same.
/// In ResNet10 it ties the two convolutions of stage 1 (width x width x 3 x 3; 36,864 of 4,903,242
/// parameters at width 64); their batch norms stay apart. Source: Savarese and Maire 2019.
struct ShareEarlyLayer {
  using slot = slot::sharing;
  static constexpr std::string_view name = "ShareEarlyLayer";
  static constexpr std::string_view needs =
      "a member `shareable_layers()` that returns a pair of module holders with a `weight`";
  static constexpr auto fields() { return no_fields; }

  template <OffersShareableLayers Model>
  void tie(Model& model) const {
    auto [source, other] = model->shareable_layers();
    tie_parameter(*other, "weight", other->weight, source->weight);
  }
};

}  // namespace gradus
