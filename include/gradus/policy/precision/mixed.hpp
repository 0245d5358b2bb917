/// Mixed precision: autocast to a 16-bit type, with gradient scaling where that type is float16.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/device/device.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/precision/autocast.hpp>
#include <gradus/policy/precision/concept.hpp>
#include <gradus/policy/precision/grad_scaler.hpp>
#include <gradus/policy/precision/precision_choice.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// The 16-bit type of `Mixed`. `automatic` takes what the device computes in natively.
enum class MixedType { automatic, bfloat16, float16, float32 };

constexpr std::array<std::string_view, 4> enum_names(MixedType) {
  return {"automatic", "bfloat16", "float16", "float32"};
}

/// Whether gradients are scaled. `automatic`: under float16, the only type that needs it.
enum class Scaling { automatic, on, off };

constexpr std::array<std::string_view, 3> enum_names(Scaling) { return {"automatic", "on", "off"}; }

/// When to use: on any device; where 16 bits are not faster it computes in float32 and reports
/// this. bfloat16 has float32's range and needs no scaler. float16 is chosen on CUDA devices
/// without native bfloat16; there the device itself skips a step whose gradients are not finite,
/// and the host reads nothing, but for the cases that docs/semantics.md lists.
///
/// Source: Micikevicius et al. 2018, "Mixed Precision Training"; numbers of torch.amp.GradScaler.
struct Mixed {
  using slot = slot::precision;
  static constexpr std::string_view name = "Mixed";

  MixedType type = MixedType::automatic;
  Scaling scaling = Scaling::automatic;
  double initial_scale = 65536;
  double growth_factor = 2;
  double backoff_factor = 0.5;
  std::int64_t growth_interval = 2000;

  static constexpr auto fields() {
    return fields_of(
        field("type", &Mixed::type, "16-bit type of the forward pass; float32: none"),
        field("scaling", &Mixed::scaling, "whether gradients are scaled (float16)"),
        field("initial_scale", &Mixed::initial_scale, between(1e-30, 1e30),
              "first loss scale (float16)"),
        field("growth_factor", &Mixed::growth_factor, at_least(1), "scale growth (float16)"),
        field("backoff_factor", &Mixed::backoff_factor, Range{0, 1, true, true},
              "scale change after a gradient that is not finite (float16)"),
        field("growth_interval", &Mixed::growth_interval, at_least(1),
              "finite steps before the scale grows (float16)"));
  }

  /// Gradients of bfloat16 and float32 have the range of the weights.
  [[nodiscard]] constexpr std::string_view mistake() const {
    const bool unscaled = type == MixedType::bfloat16 || type == MixedType::float32;
    return scaling == Scaling::on && unscaled ? "gradient scaling is for float16 alone; set "
                                                "scaling to automatic, or type to float16"
                                              : "";
  }

  struct State {
    c10::DeviceType device;
    c10::ScalarType type;
    std::optional<GradScaler> scaler;
  };

  /// Throws ConfigurationError where scaling is on and the type is not float16.
  [[nodiscard]] PrecisionChoice choose(c10::Device device) const {
    const auto choice = preferred(device);
    if (scaling == Scaling::on && choice.type != c10::kHalf) {
      throw ConfigurationError("precision.scaling is on, but Mixed chooses " +
                               std::string(choice.type == c10::kFloat ? "float32" : "bfloat16") +
                               " on " + device.str() + " (" + choice.reason +
                               "), and gradient scaling is for float16 alone; set scaling to "
                               "automatic, or type to float16.");
    }
    return choice;
  }

  [[nodiscard]] State start(c10::Device device) const {
    const auto choice = choose(device);
    State state{device.type(), choice.type, std::nullopt};
    if (choice.scaled) {
      state.scaler.emplace(
          GradScaler::Numbers{initial_scale, growth_factor, backoff_factor, growth_interval},
          device);
    }
    return state;
  }

  /// Empty where the choice fell on float32.
  [[nodiscard]] std::optional<AutocastScope> forward_scope(const State& state) const {
    return state.type == c10::kFloat
               ? std::optional<AutocastScope>()
               : std::optional<AutocastScope>(std::in_place, state.device, state.type);
  }

  void save(const State& state, StateDict& to) const {
    if (state.scaler) state.scaler->save(to);
  }
  void load(State& state, const StateDict& from) const {
    if (state.scaler) state.scaler->load(from);
  }

  [[nodiscard]] GradScaler* scaler(State& state) const {
    return state.scaler ? &*state.scaler : nullptr;
  }

 private:
  [[nodiscard]] PrecisionChoice preferred(c10::Device device) const {
    const bool scaled = scaling != Scaling::off;
    if (type == MixedType::float32) return {c10::kFloat, false, "float32 was asked for"};
    if (type == MixedType::bfloat16) return {c10::kBFloat16, false, "bfloat16 was asked for"};
    if (type == MixedType::float16) return {c10::kHalf, scaled, "float16 was asked for"};
    if (has_native_bfloat16(device)) {
      return {c10::kBFloat16, false, "the device computes in bfloat16 natively"};
    }
    if (device.is_cuda()) {
      return {c10::kHalf, scaled, "the device has no native bfloat16 but float16"};
    }
    return {c10::kFloat, false, "the processor has no native 16-bit arithmetic, float32 is faster"};
  }
};
static_assert(PrecisionPolicy<Mixed>);

}  // namespace gradus
