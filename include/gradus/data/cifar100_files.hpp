/// What CIFAR-100's binary version (Krizhevsky, 2009) looks like on disk. No torch here.
#pragma once

#include <gradus/data/cifar_form.hpp>

#include <array>
#include <string_view>

namespace gradus::data {

/// 50,000 records for training, 10,000 for test.
inline constexpr std::array<std::string_view, 2> cifar100_files{"train.bin", "test.bin"};

/// The twenty superclasses, then the hundred classes.
inline constexpr std::array<CifarLabel, 2> cifar100_labels{
    {{"coarse label", 20}, {"fine label", 100}}};

inline constexpr CifarForm cifar100_form{.name = "CIFAR-100",
                                         .folder = "cifar-100-binary",
                                         .files = cifar100_files,
                                         .labels = cifar100_labels};

}  // namespace gradus::data
