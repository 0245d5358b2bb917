// Where training batches come from changes no bit of them, nor of the run.
#include "../catch.hpp"
#include "../semantics/runs.hpp"
#include "toys.hpp"
#include <gradus/policy/augmentation/random_erasing.hpp>
#include <gradus/policy/loading/resident.hpp>
#include <gradus/policy/loss/cross_entropy.hpp>
#include <gradus/policy/task/supervised.hpp>
#include <gradus/train/data/training_source.hpp>

using namespace gradus;
using semantics::noise;

static_assert(data::ResidentDataset<data::ImageDataset> && !data::ResidentDataset<Points>);
static_assert(ResidentLoading<Resident> && !ResidentLoading<Prefetch>);

CATCH_TEMPLATE_TEST_CASE("streamed and resident batches of an epoch are equal to the bit", "",
                         (NoAugmentation), (CropFlip), (RandomErasing<CropFlip>)) {
  const auto images = noise(50);
  const TestType augmentation;
  const BatchWeight weight{Supervised(), CrossEntropy()};
  const TrainingSource streamed(images, Prefetch{.batch_size = 8}, c10::Device(c10::kCPU));
  const TrainingSource resident(images, Resident{.batch_size = 8, .on_cpu = true},
                                c10::Device(c10::kCPU));
  for (const std::int64_t pass : {0, 1}) {
    for (const std::int64_t first : {0, 3, 6, 7}) {
      for (const std::int64_t count : {std::int64_t{2}, 7 - first}) {
        const PassPart part{
            .seed = 5, .pass = pass, .first = first, .count = std::min(count, 7 - first)};
        auto a = streamed.pass(augmentation, weight, part);
        auto b = resident.pass(augmentation, weight, part);
        std::int64_t batches = 0;
        while (const auto batch = a.next()) {
          const auto other = b.next();
          CATCH_REQUIRE(other.has_value());
          CATCH_REQUIRE(
              at::equal(other->batch.input.view(at::kInt), batch->batch.input.view(at::kInt)));
          CATCH_REQUIRE(at::equal(other->batch.target, batch->batch.target));
          CATCH_REQUIRE(other->weight == batch->weight);
          ++batches;
        }
        CATCH_CHECK(batches == part.count);
        CATCH_CHECK_FALSE(b.next());
        CATCH_CHECK_FALSE(b.next());
      }
    }
  }
}

CATCH_TEST_CASE("a run from resident data has the weights of one from streamed data, bit for bit") {
  using Streamed = Trainer<ResNet10, Preset<Prefetch{.batch_size = 4, .workers = 2}>, CropFlip,
                           Preset<Accumulate{.steps = 2}>, Preset<SGD{.lr = 0.05}>>;
  using Read = Trainer<ResNet10, Preset<Resident{.batch_size = 4}>, CropFlip,
                       Preset<Accumulate{.steps = 2}>, Preset<SGD{.lr = 0.05}>>;
  using There = Trainer<ResNet10, Preset<Resident{.batch_size = 4, .on_cpu = true}>, CropFlip,
                        Preset<Accumulate{.steps = 2}>, Preset<SGD{.lr = 0.05}>>;
  const auto images = noise(22);
  Streamed streamed(semantics::small_net(), semantics::two_epochs);
  There there(semantics::small_net(), semantics::two_epochs);
  const auto a = streamed.fit(images, images);
  const auto b = there.fit(images, images);
  Read read(semantics::small_net(), semantics::two_epochs);
  read.fit(images, images);
  CATCH_CHECK(weights_of(*read.model()).equal(weights_of(*streamed.model())));
  CATCH_CHECK(weights_of(*there.model()).equal(weights_of(*streamed.model())));
  CATCH_CHECK(a.epochs[1].train_loss == b.epochs[1].train_loss);
  CATCH_CHECK(a.epochs[1].test->loss == b.epochs[1].test->loss);
  CATCH_CHECK(b.epochs[1].waiting_seconds > 0);
}

CATCH_TEST_CASE("a set larger than the policy allows is refused in a sentence") {
  const RunSettings run{.epochs = 1, .max_steps = 1, .device = c10::kCPU};
  Trainer<ResNet10, Preset<Resident{.batch_size = 4, .most_mib = 1, .on_cpu = true}>> trainer(
      semantics::small_net(), run);
  CATCH_CHECK_THROWS_WITH(
      trainer.fit(noise(400)),
      "the training set takes 1310000 bytes on cpu, but policy Resident of axis loading allows "
      "1048576; allow more, train on fewer samples, or choose Prefetch.");
  // Where it is read, it may be of any size.
  Trainer<ResNet10, Preset<Resident{.batch_size = 4, .most_mib = 1}>> reading(
      semantics::small_net(), run);
  CATCH_CHECK_NOTHROW(reading.fit(noise(400)));
}
