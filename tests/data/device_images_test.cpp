// Batches made on the device equal those that the processor makes, to the bit.
#include "support.hpp"
#include <gradus/core/sample_draw.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/data/sampling.hpp>
#include <gradus/device/device.hpp>
#include <gradus/policy/augmentation/crop_flip.hpp>
#include <gradus/policy/augmentation/random_erasing.hpp>

#include <ATen/record_function.h>

#include <memory>
#include <string>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

namespace {

// 37 images of 5 rows and 6 columns, so that a mixed-up axis shows.
ImageDataset dataset(std::int64_t count = 37) {
  auto pixels = at::empty({count, 3, 5, 6}, at::kByte);
  Random random(3);
  for (std::int64_t i = 0; i < pixels.numel(); ++i) {
    pixels.mutable_data_ptr<std::uint8_t>()[i] = static_cast<std::uint8_t>(random.below(256));
  }
  return {pixels,
          at::arange(count, at::kLong) * 3,
          {.mean = {0.4F, 0.5F, 0.6F}, .deviation = {0.2F, 0.25F, 0.3F}}};
}

std::vector<c10::Device> devices() {
  std::vector<c10::Device> all{c10::kCPU};
  if (cuda_device_count() > 0) all.emplace_back(c10::kCUDA, 0);
  return all;
}

bool same(const Batch& made, const Batch& expected) {
  const auto bits = [](const at::Tensor& tensor) { return tensor.cpu().view(at::kInt); };
  return made.input.is_contiguous() && made.input.scalar_type() == at::kFloat &&
         at::equal(bits(made.input), bits(expected.input)) &&
         at::equal(made.target.cpu(), expected.target);
}

// Whether all batches of the order come out as the processor makes them.
bool equal_batches(const ImageDataset& data, const DeviceImages& there,
                   std::span<const std::int64_t> order, std::span<const ImageTransform> transforms,
                   std::int64_t batch_size) {
  const auto epoch = there.epoch(order, transforms);
  const auto count = static_cast<std::int64_t>(order.size());
  bool all = true;
  for (std::int64_t first = 0; first < count; first += batch_size) {
    const auto size = std::min(batch_size, count - first);
    const auto from = static_cast<std::size_t>(first);
    const auto number = static_cast<std::size_t>(size);
    const auto indices = order.subspan(from, number);
    const auto expected = transforms.empty()
                              ? data.batch(indices)
                              : data.batch(indices, transforms.subspan(from, number));
    all = all && same(epoch.batch(first, size), expected);
  }
  return all;
}

/// The operators that this thread calls, but those that only look at a tensor in another way and
/// those that others call.
class Calls {
 public:
  explicit Calls(std::vector<std::string>& names) {
    names_ = &names;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(begin, end).scopes({at::RecordScope::FUNCTION}));
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  ~Calls() { at::removeCallback(handle_); }

 private:
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    const std::string name(function.name());
    const bool looks = name == "aten::view" || name == "aten::narrow";
    if (depth_++ == 0 && !looks) names_->push_back(name);
    return nullptr;
  }
  static void end(const at::RecordFunction&, at::ObserverContext*) { --depth_; }

  static inline std::vector<std::string>* names_ = nullptr;
  static inline int depth_ = 0;
  at::CallbackHandle handle_;
};

}  // namespace

CATCH_TEST_CASE("every shift, mirrored or not, gives the same bits on a device") {
  const auto data = dataset();
  std::vector<std::int64_t> order;
  std::vector<ImageTransform> transforms;
  for (std::int64_t dy = -7; dy <= 7; ++dy) {
    for (std::int64_t dx = -8; dx <= 8; ++dx) {
      for (const bool flip : {false, true}) {
        for (const auto mode : {PaddingMode::constant, PaddingMode::edge, PaddingMode::reflect}) {
          order.push_back(static_cast<std::int64_t>(order.size()) % data.size());
          transforms.push_back({.dy = dy, .dx = dx, .flip = flip, .padding_mode = mode});
        }
      }
    }
  }
  for (const auto device : devices()) {
    CATCH_CHECK(equal_batches(data, data.on_device(device), order, transforms, 16));
    CATCH_CHECK(equal_batches(data, data.on_device(device), order, {}, 16));
  }
}

CATCH_TEST_CASE("every erased rectangle gives the same bits on a device") {
  const auto data = dataset();
  std::vector<std::int64_t> order;
  std::vector<ImageTransform> transforms;
  for (std::int64_t top = -2; top <= 6; ++top) {
    for (std::int64_t left = -2; left <= 7; ++left) {
      for (const std::int64_t side : {-1, 0, 1, 3, 20}) {
        order.push_back(static_cast<std::int64_t>(order.size()) % data.size());
        transforms.push_back(
            {.dy = top, .flip = left % 2 == 0, .erased = {top, left, side, side == 3 ? 2 : side}});
      }
    }
  }
  for (const auto device : devices()) {
    CATCH_CHECK(equal_batches(data, data.on_device(device), order, transforms, 50));
  }
}

CATCH_TEMPLATE_TEST_CASE("a whole epoch of an augmentation policy gives the same bits", "",
                         (CropFlip), (RandomErasing<>), (RandomErasing<CropFlip>)) {
  const auto data = dataset();
  const TestType policy;
  for (const auto device : devices()) {
    const auto there = data.on_device(device);
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
      const auto order = epoch_order(data.size(), 11, epoch);
      std::vector<ImageTransform> transforms;
      for (const auto index : order) transforms.push_back(policy.draw({11, epoch, index}));
      for (const std::int64_t batch_size : {1, 8, 37}) {
        CATCH_CHECK(equal_batches(data, there, order, transforms, batch_size));
      }
    }
  }
}

CATCH_TEST_CASE("a batch on a device is six operators, of which none waits or uploads") {
  const auto data = dataset();
  const auto order = epoch_order(data.size(), 1, 0);
  const std::vector<ImageTransform> transforms(
      order.size(), {.dy = 1, .flip = true, .erased = {.height = 2, .width = 2}});
  const auto epoch = data.on_device(c10::kCPU).epoch(order, transforms);
  std::vector<std::string> called;
  {
    const Calls calls(called);
    static_cast<void>(epoch.batch(8, 8));
  }
  CATCH_CHECK(called == std::vector<std::string>{"aten::index", "aten::to", "aten::logical_and",
                                                 "aten::masked_fill_", "aten::index",
                                                 "aten::index_select"});
}

CATCH_TEST_CASE("what a set takes on a device is known before it is copied") {
  const auto data = dataset();
  const auto there = data.on_device(c10::kCPU);
  CATCH_CHECK(data.device_bytes() == 37 * (3 * 6 * 7 + 8));
  CATCH_CHECK(there.bytes() == data.device_bytes());
  CATCH_CHECK(there.size() == 37);
  CATCH_CHECK(data.take(5).on_device(c10::kCPU).size() == 5);
}

CATCH_TEST_CASE("a set that a device has no room for is refused in a sentence") {
  // One image seen as 2^45 of them: no machine has the memory for the copies.
  const auto images = at::zeros({1, 1, 1, 1}, at::kByte).expand({std::int64_t{1} << 45U, 1, 1, 1});
  CATCH_CHECK_THROWS_AS(
      DeviceImages(images, at::zeros({1}, at::kLong), at::zeros({1, 256}), c10::Device(c10::kCPU)),
      ResourceError);
  CATCH_CHECK_THROWS_WITH(
      DeviceImages(images, at::zeros({1}, at::kLong), at::zeros({1, 256}), c10::Device(c10::kCPU)),
      ContainsSubstring("MiB on cpu, which are not free there; choose"));
}

CATCH_TEST_CASE("an order that does not fit the set is refused before it is sent") {
  const auto there = dataset().on_device(c10::kCPU);
  const std::vector<std::int64_t> far{0, 37};
  CATCH_CHECK_THAT(refusal([&] { (void)there.epoch(far); }),
                   ContainsSubstring("Sample 37 was asked of a dataset of 37"));
  const std::vector<std::int64_t> two{0, 1};
  const std::vector<ImageTransform> one(1);
  CATCH_CHECK_THAT(refusal([&] { (void)there.epoch(two, one); }),
                   ContainsSubstring("2 samples came with 1 image transforms"));
  CATCH_CHECK(there.epoch({}).batch(0, 0).size() == 0);
}
