#include "load_data.hpp"

#include <gradus/data/cifar10.hpp>
#include <gradus/data/cifar10_source.hpp>
#include <gradus/error.hpp>

#include <filesystem>
#include <iostream>
#include <optional>

namespace cifar10 {

using namespace gradus;

namespace {

void take_first(data::ImageDataset& set, std::optional<std::int64_t> count, const char* flag) {
  if (!count) return;
  if (*count > set.size()) {
    throw DataError(std::string(flag) + " is " + std::to_string(*count) +
                    ", but the data has only " + std::to_string(set.size()) +
                    " such images; ask for fewer.");
  }
  set = set.take(*count);
}

}  // namespace

LoadedData load_data(const Options& options) {
  const auto say = [&](const std::string& line) {
    if (!options.quiet) std::cerr << line << '\n';
  };
  data::Cifar10Search search;
  if (options.data) search.folder = *options.data;
  search.shipped_subset = GRADUS_CIFAR10_SUBSET;
  search.announce = say;
  search.network = options.offline ? data::Network::off : data::Network::allowed;
  const auto source = data::find_cifar10(search);
  say(source.sentence);
  auto cifar10 = data::read_cifar10(
      source.folder, options.verify ? data::Verify::checksums : data::Verify::structure);
  auto where = source.sentence;
  const auto sum = data::checksum(cifar10);
  if (!data::is_subset(data::cifar10_folder(source.folder)) && sum != data::cifar10_checksum) {
    const auto warning = "These are not the official records (MD5 " + sum + ", expected " +
                         std::string(data::cifar10_checksum) +
                         "): --verify says which file differs.";
    say("warning: " + warning);
    where += " " + warning;  // so that config.json and the report say it
  }
  return {{cifar10.train, cifar10.test}, where, sum};
}

void take_first(const Options& options, TrainingData& sets) {
  take_first(sets.train, options.train_samples, "--train-samples");
  take_first(sets.test, options.test_samples, "--test-samples");
}

}  // namespace cifar10
