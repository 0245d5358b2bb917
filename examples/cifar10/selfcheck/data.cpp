// Whether batches reach the device whole, by whichever way.
#include "figures.hpp"
#include "trainers.hpp"
#include <gradus/data/pinned.hpp>
#include <gradus/policy/augmentation/random_erasing.hpp>
#include <gradus/policy/loading/resident.hpp>
#include <gradus/policy/loss/cross_entropy.hpp>
#include <gradus/policy/task/supervised.hpp>
#include <gradus/train/data/training_source.hpp>

#include <string>

namespace cifar10::checks {

using namespace gradus;

namespace {

constexpr PassPart second_pass{.seed = 1, .pass = 1, .first = 0, .count = small_steps};
const BatchWeight by_loss{Supervised(), CrossEntropy()};
using Augmentation = RandomErasing<CropFlip>;  // all that a transform can say

/// The batches as the processor makes them, without threads or copies.
template <class Pass>
Outcome same_batches(const data::ImageDataset& images, Pass pass) {
  const TrainingFetch fetch(images, Augmentation(), by_loss, small_batch, second_pass.seed,
                            second_pass.pass);
  std::int64_t number = 0;
  std::int64_t wrong = 0;
  for (; const auto batch = pass.next(); ++number) {
    const auto expected = fetch(number).batch;
    const auto& found = batch->batch;
    const bool same = found.input.cpu().view(at::kInt).equal(expected.input.view(at::kInt)) &&
                      found.target.cpu().equal(expected.target);
    wrong += same ? 0 : 1;
  }
  const auto all = data::batch_count(images.size(), small_batch);
  return holds_if(wrong == 0 && number == all, std::to_string(number - wrong) + " of " +
                                                   std::to_string(all) +
                                                   " augmented batches equal, bit by bit");
}

Outcome resident(const Subject& subject) {
  const auto images = small_data(subject);
  const TrainingSource source(images, Resident{.batch_size = small_batch, .on_cpu = true},
                              subject.device);
  auto outcome = same_batches(images, source.pass(Augmentation(), by_loss, second_pass));
  const auto whole = subject.data.train.device_bytes();
  outcome.figure += "; all of the training set takes " + std::to_string(whole >> 20) + " MiB";
  outcome.measured["bytes"] = whole;
  return outcome;
}

Outcome streamed(const Subject& subject) {
  const auto images = small_data(subject);
  const TrainingSource source(images, Prefetch{.batch_size = small_batch, .workers = 2},
                              subject.device);
  auto outcome = same_batches(images, source.pass(Augmentation(), by_loss, second_pass));
  outcome.figure += subject.device.is_cpu() ? "; no copy: the device is the CPU"
                                            : "; pinned memory, a stream of its own";
  return outcome;
}

/// Bytes per second into the device.
Outcome pinned_copies(const Subject& subject) {
  if (subject.device.is_cpu()) return not_run("the device is the CPU, nothing to pin for");
  const auto pageable = at::zeros({32 << 20}, at::kByte);
  const auto locked = data::pinned(pageable);
  const auto rate = [&](const at::Tensor& host) {
    return static_cast<double>(host.nbytes()) / 1e9 / seconds_of(subject.device, [&] {
             static_cast<void>(host.to(subject.device, at::kByte, /*non_blocking=*/true));
           });
  };
  const double fast = rate(locked);
  const double slow = rate(pageable);
  return holds_if(locked.is_pinned() && fast > slow,
                  short_number(fast) + " GB/s from pinned memory, " + short_number(slow) +
                      " GB/s from pageable",
                  {{"pinned_gb_per_second", fast}, {"pageable_gb_per_second", slow}});
}

/// Making batches alone, without training on them.
Outcome rates(const Subject& subject) {
  const auto& images = subject.data.train;
  const auto images_per_second = [&](const auto& source) {
    const PassPart part{.seed = 1, .count = data::batch_count(images.size(), 256)};
    const double seconds = seconds_of(subject.device, [&] {
      for (auto pass = source.pass(CropFlip(), by_loss, part); pass.next();) continue;
    });
    return static_cast<double>(images.size()) / seconds;
  };
  const double there = images_per_second(
      TrainingSource(images, Resident{.batch_size = 256, .on_cpu = true}, subject.device));
  const double streams = images_per_second(
      TrainingSource(images, Prefetch{.batch_size = 256, .workers = 2}, subject.device));
  return holds_if(there > 0 && streams > 0,
                  "resident " + short_number(there) + ", streamed by 2 workers " +
                      short_number(streams) + " images/s",
                  {{"resident_images_per_second", there}, {"streamed_images_per_second", streams}});
}

}  // namespace

Checks data_checks() {
  const std::string group = "data";
  return {{group, "batches made on the device equal the processor's", resident},
          {group, "batches copied to the device arrive whole", streamed},
          {group, "pinned memory is copied faster than pageable", pinned_copies},
          {group, "batches are made at a rate", rates}};
}

}  // namespace cifar10::checks
