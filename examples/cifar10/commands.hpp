/// The commands of gradus-cifar10. Each returns normally or throws a gradus::Error.
#pragma once

#include "options.hpp"

namespace cifar10 {

/// Trains each configuration with the same data and seed; prints the table, leaves comparison.json
/// and report.html.
void compare(Options options);

/// Trains one configuration.
void train(Options options);

/// Accuracy of a checkpoint on the test set, with the numbers that it was trained with unless
/// options say otherwise.
void evaluate(Options options);

/// The whole configuration as JSON.
void describe(Options options);

}  // namespace cifar10
