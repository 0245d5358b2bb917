/// A part of the model that is frozen, for some epochs or for the whole run.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/freezing/concept.hpp>
#include <gradus/settings/name_pattern.hpp>

#include <cstdint>
#include <string_view>

namespace gradus {

/// When to use: fine-tuning. The new head is trained first, so that its first gradients do not
/// spoil what was loaded; then all. Where all before a layer is frozen too, the backward pass ends
/// there.
///
///     Preset<Freeze{.parameters = "conv1.*|bn1.*|layer*", .epochs = 2}>
///
/// Start one of your own from this. Source: Howard and Ruder 2018, "Universal Language Model
/// Fine-tuning for Text Classification", section 3.3.
struct Freeze {
  using slot = slot::freezing;
  static constexpr std::string_view name = "Freeze";
  static constexpr bool freezes = true;

  NamePattern parameters;
  std::int64_t epochs = 0;
  bool norms = true;

  static constexpr auto fields() {
    return fields_of(
        field("parameters", &Freeze::parameters, "names of the frozen parameters and buffers"),
        field("epochs", &Freeze::epochs, at_least(0), "how long; 0: the whole run"),
        field("norms", &Freeze::norms, "whether batch norms keep their statistics meanwhile"));
  }

  [[nodiscard]] constexpr bool frozen(std::string_view tensor, std::int64_t epoch) const {
    const bool statistics = tensor.ends_with("running_mean") || tensor.ends_with("running_var");
    return (epochs == 0 || epoch < epochs) && (norms || !statistics) && parameters.matches(tensor);
  }
};
static_assert(FreezingPolicy<Freeze>);

}  // namespace gradus
