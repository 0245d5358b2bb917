/// Convolutions that begin by handing on what they get.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/initialization/concept.hpp>

#include <torch/nn/init.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>

namespace gradus {

/// A model that lists its inner convolutions: `model->identity_layers()` is a range of
/// torch::nn::Conv2d holders.
template <class Model>
concept OffersIdentityLayers =
    requires(Model& model) { model->identity_layers().begin()->get()->weight; };

/// When to use: networks trained for few epochs from new weights; it overwrites part of weights
/// that were loaded. Of a convolution [O, I, k, k] the first min(O, I) filters become the identity,
/// the others stay as they are. In ResNet10 these are the 3 x 3 convolutions of the blocks.
///
/// Source: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.3; after
/// Zagoruyko and Komodakis 2017, "DiracNets".
struct IdentityStart {
  using slot = slot::initialization;
  static constexpr std::string_view name = "IdentityStart";
  static constexpr std::string_view needs =
      "a member `identity_layers()` that returns a range of torch::nn::Conv2d";
  static constexpr auto fields() { return no_fields; }

  template <OffersIdentityLayers Model>
  void initialize(Model& model) const {
    const at::NoGradGuard no_grad;
    for (const auto& convolution : model->identity_layers()) {
      const auto& weight = convolution->weight;
      torch::nn::init::dirac_(weight.slice(0, 0, std::min(weight.size(0), weight.size(1))));
    }
  }
};

}  // namespace gradus
