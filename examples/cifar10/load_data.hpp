/// CIFAR-10 as the flags ask for it.
#pragma once

#include "configuration.hpp"
#include "options.hpp"

#include <cstdint>
#include <string>

namespace cifar10 {

struct LoadedData {
  TrainingData sets;
  std::string where;     ///< a sentence: which data, and why those
  std::string checksum;  ///< MD5 of all records
};

/// Finds and reads all of it, and says on stderr which was taken. Throws gradus::DataError.
LoadedData load_data(const Options& options);

/// Leaves the first images that --train-samples and --test-samples ask for. Throws
/// gradus::DataError if there are fewer.
void take_first(const Options& options, TrainingData& sets);

}  // namespace cifar10
