#include "../threads.hpp"
#include "support.hpp"
#include <gradus/core/image_transform.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/data/loader.hpp>
#include <gradus/data/sampling.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

// A batch of one sample that says which it is.
Batch numbered(std::int64_t number) {
  Batch batch{at::empty({1}, at::kFloat), at::empty({1}, at::kLong)};
  batch.input.mutable_data_ptr<float>()[0] = 0;
  batch.target.mutable_data_ptr<std::int64_t>()[0] = number;
  return batch;
}

std::int64_t number_of(const Batch& batch) { return *batch.target.const_data_ptr<std::int64_t>(); }

struct StorageGone : std::runtime_error {
  StorageGone() : std::runtime_error("the storage is gone") {}
  int code = 42;
};

}  // namespace

CATCH_TEST_CASE("Batches come in order, all and once, whatever the number of workers") {
  for (const std::int64_t workers : {0, 1, 2, 3, 8}) {
    for (const std::int64_t prefetch : {1, 2, 5, 100}) {
      for (const std::int64_t count : {0, 1, 2, 33}) {
        Loader loader({.workers = workers, .prefetch = prefetch}, count, [](std::int64_t number) {
          if (number % 3 == 0) std::this_thread::sleep_for(100us);  // some are late
          return numbered(number);
        });
        CATCH_REQUIRE(loader.workers() == std::min({workers, prefetch, count}));
        CATCH_REQUIRE(loader.batch_count() == count);
        for (std::int64_t number = 0; number < count; ++number) {
          const auto batch = loader.next();
          CATCH_REQUIRE(batch.has_value());
          CATCH_REQUIRE(number_of(*batch) == number);
        }
        CATCH_REQUIRE(!loader.next());
        CATCH_REQUIRE(!loader.next());
      }
    }
  }
}

CATCH_TEST_CASE("The number of workers changes no bit of an augmented epoch") {
  auto pixels = at::empty({103, 3, 8, 8}, at::kByte);
  Random random(5);
  for (std::int64_t i = 0; i < pixels.numel(); ++i) {
    pixels.mutable_data_ptr<std::uint8_t>()[i] = static_cast<std::uint8_t>(random.below(256));
  }
  const ImageDataset data(pixels, at::arange(103, at::kLong),
                          {.mean = {0.5F, 0.5F, 0.5F}, .deviation = {0.2F, 0.2F, 0.2F}});
  const auto order = epoch_order(data.size(), 9, 2);

  const auto epoch = [&](std::int64_t workers) {
    const auto fetch = [&](std::int64_t number) {
      const auto indices = batches(order, 16)[number];
      std::vector<ImageTransform> transforms;
      for (const auto index : indices) {
        Random draw(mix(9, 2, index));
        transforms.push_back(
            {.dy = draw.below(5) - 2, .dx = draw.below(5) - 2, .flip = draw.below(2) == 1});
      }
      return data.batch(indices, transforms);
    };
    Loader loader({.workers = workers, .prefetch = 4}, batch_count(data.size(), 16), fetch);
    std::vector<at::Tensor> inputs;
    std::vector<at::Tensor> targets;
    while (auto batch = loader.next()) {
      inputs.push_back(batch->input);
      targets.push_back(batch->target);
    }
    return Batch{at::cat(inputs), at::cat(targets)};
  };
  const auto alone = epoch(0);
  CATCH_REQUIRE(alone.size() == 103);
  for (const std::int64_t workers : {1, 2, 4}) {
    const auto together = epoch(workers);
    CATCH_CHECK(at::equal(together.input, alone.input));
    CATCH_CHECK(at::equal(together.target, alone.target));
  }
}

CATCH_TEST_CASE("Workers read no further ahead than the plan says") {
  std::atomic<std::int64_t> begun = 0;
  Loader loader({.workers = 4, .prefetch = 3}, 40, [&](std::int64_t number) {
    ++begun;
    return numbered(number);
  });
  for (std::int64_t delivered = 0; delivered < 40; ++delivered) {
    std::this_thread::sleep_for(1ms);
    CATCH_REQUIRE(begun <= delivered + 3);
    CATCH_REQUIRE(loader.next());
  }
}

CATCH_TEST_CASE("Without workers nothing is read before it is asked for") {
  int begun = 0;
  Loader loader({.workers = 0}, 5, [&](std::int64_t number) {
    ++begun;
    return numbered(number);
  });
  CATCH_CHECK(begun == 0);
  CATCH_CHECK(loader.next());
  CATCH_CHECK(begun == 1);
}

CATCH_TEST_CASE("A loader starts its workers and no other threads") {
  auto pixels = at::zeros({64, 3, 32, 32}, at::kByte);
  const ImageDataset data(pixels, at::zeros({64}, at::kLong),
                          {.mean = {0, 0, 0}, .deviation = {1, 1, 1}});
  const auto order = sequential_order(64);
  const auto before = threads_of_this_process();
  {
    Loader loader({.workers = 3, .prefetch = 3}, 100,
                  [&](std::int64_t) { return data.batch(order); });
    for (int i = 0; i < 50; ++i) CATCH_REQUIRE(loader.next());
    CATCH_CHECK(threads_become(before + 3));
  }
  CATCH_CHECK(threads_become(before));
}

CATCH_TEST_CASE("What a worker throws comes out of next() at its batch, as the same type") {
  for (const std::int64_t workers : {0, 1, 4}) {
    const auto before = threads_of_this_process();
    Loader loader({.workers = workers, .prefetch = 8}, 20, [](std::int64_t number) {
      if (number == 5) throw StorageGone();
      std::this_thread::sleep_for(2ms);  // the failure is there before the batches before it
      return numbered(number);
    });
    for (std::int64_t number = 0; number < 5; ++number) {
      CATCH_REQUIRE(number_of(loader.next().value()) == number);
    }
    const auto begin = Clock::now();
    for (int again = 0; again < 2; ++again) {
      try {
        (void)loader.next();
        CATCH_FAIL("expected an exception");
      } catch (const StorageGone& error) {
        CATCH_CHECK(error.code == 42);
        CATCH_CHECK(std::string(error.what()) == "the storage is gone");
      }
    }
    CATCH_CHECK(Clock::now() - begin < 10s);
    CATCH_CHECK(threads_become(before));
  }
}

CATCH_TEST_CASE("After a failure no worker begins another batch") {
  std::atomic<int> begun = 0;
  Loader loader({.workers = 1, .prefetch = 8}, 20, [&](std::int64_t) -> Batch {
    ++begun;
    throw StorageGone();
  });
  std::this_thread::sleep_for(50ms);
  CATCH_CHECK_THROWS_AS(loader.next(), StorageGone);
  CATCH_CHECK(begun == 1);
}

CATCH_TEST_CASE("What is thrown need not be a standard exception") {
  Loader loader({.workers = 2}, 3, [](std::int64_t) -> Batch { throw 7; });
  CATCH_CHECK_THROWS_AS(loader.next(), int);
}

CATCH_TEST_CASE("A worker that blocks is named after the timeout, and nothing hangs") {
  struct Gate {
    std::mutex mutex;
    std::condition_variable change;
    bool open = false;
  };
  auto gate = std::make_shared<Gate>();
  const std::weak_ptr<Gate> alive = gate;
  const auto begin = Clock::now();
  {
    Loader loader({.workers = 2, .prefetch = 2, .timeout_seconds = 2}, 10,
                  [gate](std::int64_t number) {
                    std::unique_lock lock(gate->mutex);
                    if (number == 3) gate->change.wait(lock, [&] { return gate->open; });
                    return numbered(number);
                  });
    for (std::int64_t number = 0; number < 3; ++number) CATCH_REQUIRE(loader.next());
    const auto sentence = refusal([&] { (void)loader.next(); });
    CATCH_CHECK_THAT(sentence,
                     ContainsSubstring("Loader worker ") &&
                         ContainsSubstring("has not delivered batch 3 of 10 within 2 seconds"));
    CATCH_CHECK(refusal([&] { (void)loader.next(); }) == sentence);
  }
  CATCH_CHECK(Clock::now() - begin < 20s);

  // The thread left behind ends as soon as it comes back, and lets go of what it held.
  {
    const std::lock_guard lock(gate->mutex);
    gate->open = true;
  }
  gate->change.notify_all();
  gate.reset();
  for (int i = 0; i < 2000 && !alive.expired(); ++i) std::this_thread::sleep_for(1ms);
  CATCH_CHECK(alive.expired());
}

CATCH_TEST_CASE("A loader destroyed in the middle of an epoch joins its threads") {
  const auto before = threads_of_this_process();
  const auto begin = Clock::now();
  for (int taken = 0; taken < 4; ++taken) {
    Loader loader({.workers = 4, .prefetch = 8}, 1'000'000, [](std::int64_t number) {
      std::this_thread::sleep_for(1ms);
      return numbered(number);
    });
    for (int i = 0; i < taken; ++i) CATCH_REQUIRE(loader.next());
  }
  CATCH_CHECK(Clock::now() - begin < 10s);
  CATCH_CHECK(threads_become(before));
}

CATCH_TEST_CASE("The seconds waited are those spent in next()") {
  const auto slow = [](std::int64_t number) {
    std::this_thread::sleep_for(20ms);
    return numbered(number);
  };
  Loader alone({.workers = 0}, 3, slow);
  while (alone.next()) {
  }
  CATCH_CHECK(alone.seconds_waited() >= 0.06);

  Loader ahead({.workers = 3, .prefetch = 3}, 3, slow);
  std::this_thread::sleep_for(200ms);
  while (ahead.next()) {
  }
  CATCH_CHECK(ahead.seconds_waited() < alone.seconds_waited());
}

CATCH_TEST_CASE("Pinned memory is used only where there is a CUDA device") {
  Loader loader({.workers = 1, .pin_memory = true}, 2, numbered);
  while (const auto batch = loader.next()) {
    CATCH_CHECK(batch->input.is_pinned() == can_pin_memory());
  }
  if (can_pin_memory()) {
    const auto copy = pinned(numbered(3));
    CATCH_CHECK((copy.target.is_pinned() && number_of(copy) == 3));
  }
}

CATCH_TEST_CASE("A loading plan that cannot work is refused") {
  const auto sentence = [](const LoadingPlan& plan, std::int64_t count) -> std::string {
    try {
      Loader loader(plan, count, numbered);
    } catch (const ConfigurationError& error) {
      return error.what();
    }
    return "accepted";
  };
  CATCH_CHECK(
      sentence({.workers = -1}, 1) ==
      "The loading plan has a number of workers of -1; expected 0 or more threads: set another "
      "value.");
  CATCH_CHECK_THAT(sentence({.workers = 1, .prefetch = 0}, 1), ContainsSubstring("prefetch of 0"));
  CATCH_CHECK_THAT(sentence({.timeout_seconds = 0}, 1), ContainsSubstring("timeout of 0"));
  CATCH_CHECK_THAT(sentence({.timeout_seconds = std::nan("")}, 1),
                   ContainsSubstring("timeout of nan"));
  CATCH_CHECK_THAT(sentence({}, -1), ContainsSubstring("batches of -1"));
  CATCH_CHECK(sentence({.workers = 1, .timeout_seconds = 1e300}, 1) == "accepted");
}
