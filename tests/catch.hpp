/// Catch2, version 2 or 3, in one spelling: every macro bears the prefix CATCH_, for torch has
/// macros named CHECK and the like, and comes first.
#pragma once

#include <torch/torch.h>

#define CATCH_CONFIG_PREFIX_ALL
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>

#include <string>

namespace Catch {
using Approx = Detail::Approx;
}

namespace Catch::Matchers {

/// Version 3's name for what version 2 calls Contains.
inline auto ContainsSubstring(std::string const& text) { return Contains(text); }

}  // namespace Catch::Matchers
#endif
