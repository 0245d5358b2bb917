/// The version of gradus, in the one place that holds it: CMake reads this line.
#pragma once

#include <string_view>

namespace gradus {

inline constexpr std::string_view version = "0.2.0";

}  // namespace gradus
