// Line 15 of docs/semantics.md, for the configurations as they are shipped.
#include "catch.hpp"
#include "configuration.hpp"
#include <gradus/observe/host_waits.hpp>

#include <string>

using namespace gradus;

namespace {

data::ImageDataset noise(std::int64_t count) {
  const auto generator = at::detail::createCPUGenerator(5);
  return {torch::randint(0, 256, {count, 3, 32, 32}, generator, torch::kByte),
          torch::randint(0, 10, {count}, generator, torch::kLong),
          {.mean = {0.5F, 0.5F, 0.5F}, .deviation = {0.25F, 0.25F, 0.25F}}};
}

}  // namespace

CATCH_TEST_CASE(
    "[line 15] no step of a shipped configuration waits for the device or copies to the "
    "host") {
  const cifar10::TrainingData sets{noise(160), noise(4)};
  for (const auto* configuration : cifar10::configurations()) {
    cifar10::Options options;
    options.device = "cpu";
    options.width = 2;
    options.configurations = {std::string(configuration->name())};
    options.settings = {{"", "loading", "batch_size", 8, false}};
    const auto copies = [&](std::int64_t steps) {
      const observe::HostWaits watch;
      static_cast<void>(configuration->measure(options, sets, steps));
      CATCH_CHECK(watch.waits() == 0);
      return watch.copies();
    };
    CATCH_INFO(configuration->name());
    const auto few = copies(2);
    CATCH_CHECK(few > 0);  // the reading of the loss at the end
    CATCH_CHECK(copies(8) == few);
  }
}
