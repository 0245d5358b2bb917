/// Choices of a run in its checkpoints, and in words.
#pragma once

#include <gradus/core/kernel_choice.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/error.hpp>
#include <gradus/kernel/convolution_choices.hpp>
#include <gradus/kernel/way.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

namespace kernel {

constexpr auto all_ways = enum_names(ConvolutionWay{});
constexpr auto all_parts = enum_names(ConvolutionPart{});

/// The numbers of a case, in the order in which they are saved.
template <class Case>
auto numbers_of(Case& which) {
  return std::array{&which.in_channels, &which.out_channels,  &which.height,  &which.width,
                    &which.taps,        &which.stride,        &which.padding, &which.images,
                    &which.is_float,    &which.channels_last, &which.part};
}
constexpr std::size_t case_numbers = 11;

/// Whether numbers are those of a case and of a way.
inline bool is_choice(const ConvolutionCase& which, std::int64_t way) {
  const auto is_one_of = [](std::int64_t number, const auto& names) {
    return number >= 0 && number < static_cast<std::int64_t>(names.size());
  };
  constexpr std::int64_t most = 1LL << 31;
  for (const auto* number : numbers_of(which)) {
    if (*number < 0 || *number > most) return false;
  }
  return is_one_of(way, all_ways) && which.is_float <= 1 && which.channels_last <= 1 &&
         is_one_of(which.part, all_parts) &&
         std::min({which.in_channels, which.out_channels, which.taps, which.stride,
                   which.images}) >= 1 &&
         std::min(which.height, which.width) + 2 * which.padding >= which.taps;
}

}  // namespace kernel

/// Puts `cases` [n, 12], the numbers of each case and its way. Times are not saved: they differ in
/// equal runs.
inline void save_choices(const ConvolutionChoices& choices, StateDict& to) {
  const auto all = choices.all();
  const auto rows = static_cast<std::int64_t>(all.size());
  const auto cases = at::empty({rows, kernel::case_numbers + 1}, at::kLong);
  auto* number = cases.mutable_data_ptr<std::int64_t>();
  for (const auto& [which, choice] : all) {
    for (const auto* field : kernel::numbers_of(which)) *number++ = *field;
    *number++ = static_cast<std::int64_t>(choice.way);
  }
  to.put("cases", cases);
}

/// Takes what was saved in the place of what is there. Throws CheckpointError for what no run of
/// this version has saved, and changes nothing then.
inline void load_choices(ConvolutionChoices& choices, const StateDict& from) {
  const auto cases = from.copy("cases").contiguous();
  const auto rows = cases.dim() == 2 ? cases.size(0) : -1;
  if (cases.scalar_type() != at::kLong || rows < 0 || cases.size(1) != kernel::case_numbers + 1) {
    throw CheckpointError("the saved choices of convolutions are " +
                          c10::str(cases.scalar_type(), " ", cases.sizes()) +
                          ", not those of this version of gradus; resume with the version that "
                          "saved them.");
  }
  std::map<ConvolutionCase, ConvolutionChoice> saved;
  const auto* number = cases.const_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < rows; ++row) {
    ConvolutionCase which{};
    for (auto* field : kernel::numbers_of(which)) *field = *number++;
    const auto way = *number++;
    if (!kernel::is_choice(which, way)) {
      throw CheckpointError(
          "a saved choice of a convolution is none of this version of gradus; resume with the "
          "version that saved it.");
    }
    saved.emplace(which, ConvolutionChoice::untimed(static_cast<ConvolutionWay>(way)));
  }
  choices.replace(std::move(saved));
}

/// As KernelChoice has them, in the order of shapes.
inline std::vector<KernelChoice> described(const ConvolutionChoices& choices) {
  std::vector<KernelChoice> list;
  for (const auto& [which, choice] : choices.all()) {
    const auto taps = std::to_string(which.taps);
    KernelChoice said{std::string(kernel::all_parts[static_cast<std::size_t>(which.part)]) +
                          " of " + taps + " x " + taps + ", " + std::to_string(which.in_channels) +
                          " to " + std::to_string(which.out_channels) + " channels, stride " +
                          std::to_string(which.stride) + ", over " + std::to_string(which.height) +
                          " x " + std::to_string(which.width) + ", batches from " +
                          std::to_string(which.images) +
                          (which.is_float != 0 ? ", float32" : ", bfloat16"),
                      std::string(kernel::all_ways[static_cast<std::size_t>(choice.way)]),
                      {}};
    for (std::size_t way = 0; way < kernel::all_ways.size(); ++way) {
      const auto milliseconds = choice.milliseconds[way];
      if (!std::isnan(milliseconds)) {
        said.tried.push_back({std::string(kernel::all_ways[way]), milliseconds});
      }
    }
    list.push_back(std::move(said));
  }
  return list;
}

}  // namespace gradus
