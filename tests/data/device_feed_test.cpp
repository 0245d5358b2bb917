#include "support.hpp"
#include <gradus/data/device_feed.hpp>
#include <gradus/data/loader.hpp>

#include <stdexcept>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

namespace {

using Calls = std::vector<std::string>;

// Batches 0 to count - 1; batch `broken` cannot be read.
struct Source {
  Calls& calls;
  int count;
  int broken = -1;
  int number = 0;

  std::optional<Batch> next() {
    if (number == count) return std::nullopt;
    if (number == broken) throw std::runtime_error("broken");
    calls.push_back("read " + std::to_string(number));
    return Batch{at::zeros({1}), at::full({1}, number++, at::kLong)};
  }
};

// Does on the CPU what a copier does on a device, and writes down when.
struct Double {
  struct Pending {
    Batch batch;
  };
  Calls* calls;

  [[nodiscard]] Pending begin(const Batch& host) {
    calls->push_back("begin " + std::to_string(host.target.item<std::int64_t>()));
    return {host};
  }
  [[nodiscard]] Batch finish(Pending pending) {
    calls->push_back("finish " + std::to_string(pending.batch.target.item<std::int64_t>()));
    return pending.batch;
  }
};

static_assert(DeviceCopy<Double, Batch> && DeviceCopy<StreamCopy, Batch>);
static_assert(DeviceCopy<StreamCopy, std::pair<at::Tensor, Batch>> && !DeviceCopy<int, Batch>);
static_assert(BatchSource<Source> && BatchSource<Loader<Batch (*)(std::int64_t)>>);

}  // namespace

CATCH_TEST_CASE("The copy of the next batch begins before the current one is handed over") {
  Calls calls;
  Source source{calls, 3};
  DeviceFeed feed(source, std::optional(Double{&calls}));
  for (std::int64_t number = 0; number < 3; ++number) {
    const auto batch = feed.next();
    CATCH_REQUIRE(batch.has_value());
    CATCH_CHECK(batch->target.item<std::int64_t>() == number);
    calls.push_back("train " + std::to_string(number));
  }
  CATCH_CHECK(!feed.next());
  CATCH_CHECK(!feed.next());
  CATCH_CHECK(calls == Calls{"read 0", "begin 0", "finish 0", "read 1", "begin 1", "train 0",
                             "finish 1", "read 2", "begin 2", "train 1", "finish 2", "train 2"});
}

CATCH_TEST_CASE("On the CPU a feed reads what is asked for and nothing ahead") {
  Calls calls;
  Source source{calls, 2};
  DeviceFeed feed(source, stream_copy_to(c10::Device("cpu")));
  CATCH_CHECK(feed.next());
  CATCH_CHECK(calls == Calls{"read 0"});
  CATCH_CHECK(feed.next());
  CATCH_CHECK(!feed.next());
}

CATCH_TEST_CASE("An error comes at the turn of its batch, not one batch early") {
  Calls calls;
  Source source{calls, 3, 1};
  DeviceFeed feed(source, std::optional(Double{&calls}));
  CATCH_CHECK(feed.next()->target.item<std::int64_t>() == 0);
  CATCH_CHECK_THROWS_WITH(feed.next(), "broken");
  CATCH_CHECK_THROWS_WITH(feed.next(), "broken");

  Source at_once{calls, 3, 0};
  DeviceFeed other(at_once, std::optional(Double{&calls}));
  CATCH_CHECK_THROWS_WITH(other.next(), "broken");
}

CATCH_TEST_CASE("On a CUDA device the batches arrive whole", "[cuda]") {
  if (!can_pin_memory()) {
    CATCH_WARN("skipped: no CUDA device here");
    return;
  }
  Loader loader({.workers = 2, .prefetch = 4, .pin_memory = true}, 20, [](std::int64_t number) {
    return Batch{at::full({1000, 100}, static_cast<double>(number)),
                 at::full({1000}, number, at::kLong)};
  });
  DeviceFeed feed(loader, stream_copy_to(c10::Device("cuda")));
  std::int64_t number = 0;
  while (const auto batch = feed.next()) {
    CATCH_CHECK(batch->input.is_cuda());
    CATCH_CHECK(batch->input.eq(static_cast<double>(number)).all().item<bool>());
    CATCH_CHECK(batch->target.eq(number).all().item<bool>());
    ++number;
  }
  CATCH_CHECK(number == 20);
}
