/// Convolutions on the CPU by fast algorithms, where they are faster.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/kernel_choice.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/kernel/convolution.hpp>
#include <gradus/kernel/convolution_choices.hpp>
#include <gradus/kernel/convolution_scope.hpp>
#include <gradus/kernel/micro_kernel.hpp>
#include <gradus/kernel/saved_choices.hpp>
#include <gradus/policy/kernels/concept.hpp>

#include <c10/core/Device.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <string_view>
#include <vector>

namespace gradus {

/// How FastConvolutions finds the way for each shape: by a measurement, by a rule on the shape, or
/// pinned to one.
enum class ConvolutionWays {
  measured,
  usual,
  library,
  product,
  small_tiles,
  large_tiles,
  blocks,
  huge_tiles
};

constexpr std::array<std::string_view, 8> enum_names(ConvolutionWays) {
  return {"measured",    "usual",       "library", "product",
          "small_tiles", "large_tiles", "blocks",  "huge_tiles"};
}

/// When to use: convolutions of 3 x 3 or 1 x 1 that train on a CPU. Every `conv2d` of the model is
/// served, whatever module calls it; what no way but LibTorch's fits is LibTorch's. On other
/// devices it does nothing.
///
/// `measured`: the first time a shape is met, its forward pass and both of its gradients are timed
/// each way, and the fastest is kept for the process and in checkpoints. Ways differ in rounding,
/// so two processes may differ in their last bits: with any other setting, and where LibTorch is
/// told to be deterministic, they do not.
///
/// Source: Lavin and Gray 2015, arXiv:1509.09308; docs/convolutions.md.
struct FastConvolutions {
  using slot = slot::kernels;
  static constexpr std::string_view name = "FastConvolutions";

  ConvolutionWays ways = ConvolutionWays::measured;

  static constexpr auto fields() {
    return fields_of(
        field("ways", &FastConvolutions::ways, "how the algorithm for each shape is chosen"));
  }

  struct State {
    c10::intrusive_ptr<ConvolutionChoices> choices;
  };

  /// A template, so that only trainers with this policy compile its kernels.
  template <kernel::MicroKernel Kernel = kernel::LibraryMicroKernel>
  [[nodiscard]] State start(c10::Device) const {
    const auto way = ways < ConvolutionWays::library
                         ? ConvolutionWay::library
                         : static_cast<ConvolutionWay>(static_cast<int>(ways) - rules);
    return {convolution_choices<Kernel>(rule(), way)};
  }
  [[nodiscard]] ConvolutionScope kernel_scope(const State& state) const {
    return ConvolutionScope(state.choices);
  }
  [[nodiscard]] std::vector<KernelChoice> choices(const State& state) const {
    return described(*state.choices);
  }

  void save(const State& state, StateDict& to) const { save_choices(*state.choices, to); }
  void load(State& state, const StateDict& from) const { load_choices(*state.choices, from); }

 private:
  static constexpr int rules = 2;  // before the ways to which one can pin
  static_assert(std::ranges::equal(enum_names(ConvolutionWays{}) | std::views::drop(rules),
                                   enum_names(ConvolutionWay{})));

  [[nodiscard]] ConvolutionChoices::Rule rule() const {
    using enum ConvolutionChoices::Rule;
    if (ways == ConvolutionWays::measured) return measure;
    return ways == ConvolutionWays::usual ? usual : pinned;
  }
};
static_assert(KernelsPolicy<FastConvolutions>);

}  // namespace gradus
