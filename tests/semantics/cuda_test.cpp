// Training on a CUDA device: what only a device can show. Says so, and passes, where there is none.
#include "../catch.hpp"
#include "../folder.hpp"
#include "../train/toys.hpp"
#include "resume.hpp"
#include "runs.hpp"
#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/checkpoint/weights.hpp>
#include <gradus/device/beside.hpp>
#include <gradus/device/out_of_memory.hpp>
#include <gradus/policy/averaging/swa.hpp>
#include <gradus/policy/clipping/clip_value.hpp>
#include <gradus/policy/execution/captured_step.hpp>
#include <gradus/policy/loading/resident.hpp>
#include <gradus/policy/optimizer/adafactor.hpp>
#include <gradus/policy/optimizer/adam.hpp>
#include <gradus/policy/optimizer/lion.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/rmsprop.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/testing/memory_laws.hpp>
#include <gradus/train/edit.hpp>
#include <gradus/train/search/find_batch_size.hpp>

#ifdef GRADUS_CUDA
#include <c10/cuda/CUDAFunctions.h>
#endif

#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace gradus;
using namespace semantics;
using Catch::Matchers::ContainsSubstring;

namespace {

bool no_device() {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // for runs that want equal bits
  if (cuda_device_count() > 0) return false;
  CATCH_WARN("not run: no CUDA device here");
  return true;
}

RunSettings on_cuda(std::int64_t epochs = 2) {
  auto run = two_epochs;
  run.epochs = epochs;
  run.device = {c10::kCUDA, 0};
  run.math.deterministic = true;
  return run;
}

template <class... Policies>
using Captured = Run<CapturedStep, Policies...>;
using Half = Preset<Mixed{.type = MixedType::float16}>;
using Scaled = Run<Preset<SGD{.lr = 0.1}>, Cosine,
                   Preset<Mixed{.type = MixedType::float16, .initial_scale = 1 << 20}>>;

double distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

}  // namespace

CATCH_TEMPLATE_TEST_CASE("[line 13] a run on CUDA resumes bit for bit, from any step", "[cuda]",
                         (Run<Preset<SGD{.lr = 0.1, .momentum = 0.9}>>), (Run<AdamW>), (Run<Muon>),
                         (Run<AdamW, Half>), (Captured<AdamW, Half>), Everything) {
  if (no_device()) return;
  check_resume<TestType>(on_cuda());
}

CATCH_TEST_CASE("[line 13] the state of a run on CUDA is that of the file it is saved to",
                "[cuda]") {
  if (no_device()) return;
  const test::Folder folder;
  Everything whole(small_net(), on_cuda());
  whole.fit(noise(20), noise(8));
  for (int part = 0; part < 2; ++part) {
    auto run = on_cuda();
    if (part == 0) run.stop_after_steps = 4;
    Everything trainer(small_net(), run);
    Checkpoints checkpoints(trainer, folder / "checkpoints", {.every_steps = 1});
    CATCH_CHECK(checkpoints.resume(noise(20), noise(8)).has_value() == (part == 1));
    trainer.fit(noise(20), noise(8), checkpoints);
    CATCH_CHECK(checkpoints.saved());
    if (part == 1) CATCH_CHECK(weights(trainer).equal(weights(whole)));
  }

  // What it has learned is good on the CPU too, with the same bits.
  save_weights(*whole.model(), folder / "weights.safetensors", {});
  ResNet10 moved(ResNet10Options{.width = 4});
  Everything on_cpu(moved, two_epochs);
  load_weights(*moved, read_safetensors(folder / "weights.safetensors"));
  CATCH_CHECK(weights(on_cpu).equal(weights(whole)));

  // The run itself stays where it began: other arithmetic would give other bits.
  auto elsewhere = two_epochs;
  Everything other(small_net(), elsewhere);
  Checkpoints checkpoints(other, folder / "checkpoints");
  CATCH_CHECK_THROWS_WITH(checkpoints.resume(noise(20), noise(8)), ContainsSubstring("device"));
}

CATCH_TEMPLATE_TEST_CASE("[line 18] a captured step trains as an eager one", "[cuda]",
                         (Captured<Preset<SGD{.lr = 0.05}>>), (Captured<AdamW>),
                         (Captured<AdamW, Half>), (Captured<AdamW, ChannelsLast, ClipNorm>)) {
  if (no_device()) return;
  const auto run = on_cuda(4);
  without<TestType, slot::execution> eager(small_net(), run);
  TestType captured(small_net(), run);
  const auto one = eager.fit(noise(64));
  const auto other = captured.fit(noise(64));
  const auto& report = captured.execution_report();
  CATCH_CHECK(report.reason == "");
  CATCH_CHECK(report.warm_ups == 3);
  CATCH_CHECK(report.captures == 1);
  CATCH_CHECK(report.replays == 4 * 8 - 3);
  // The rate is float32 on the device, float64 on the host.
  CATCH_CHECK(distance(weights(captured), weights(eager)) < 1e-4);
  CATCH_CHECK(std::abs(*one.epochs.back().train_loss - *other.epochs.back().train_loss) < 1e-3);
  CATCH_CHECK(one.epochs.back().skipped_steps == other.epochs.back().skipped_steps);
}

CATCH_TEST_CASE("[line 18] a captured run that is saved at each step has the same bits", "[cuda]") {
  if (no_device()) return;
  using T = Captured<AdamW>;
  const test::Folder folder;
  T alone(small_net(), on_cuda(4));
  alone.fit(noise(64));
  T saved(small_net(), on_cuda(4));
  Checkpoints checkpoints(saved, folder / "checkpoints", {.every_steps = 1});
  saved.fit(noise(64), checkpoints);
  CATCH_CHECK(saved.execution_report().replays > 0);
  CATCH_CHECK(weights(saved).equal(weights(alone)));
}

CATCH_TEST_CASE("what a thread saves is copied behind what made it and beside what comes later",
                "[cuda]") {
  if (no_device()) return;
  const c10::Device device(c10::kCUDA, 0);
  const auto ones = at::ones({8192, 8192}, device);
  const auto work = [&](int times) {
    auto sum = ones;
    for (int i = 0; i < times; ++i) sum = at::mm(ones, ones) / 8192;
    return sum;
  };
  static_cast<void>(work(2).cpu());  // warm
  const auto made = work(20) * 3;
  Beside beside(device);
  const auto later = work(200);
  c10::Event end(device.type());
  end.record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  at::Tensor saved;
  std::thread([&] { beside.run([&] { saved = made.slice(0, 0, 64).cpu(); }); }).join();
  CATCH_CHECK(!end.query());
  CATCH_CHECK(saved.eq(3).all().item<bool>());
}

CATCH_TEST_CASE("[line 3] an infinity on CUDA skips the window, on the device and by the host",
                "[cuda]") {
  if (no_device()) return;
  auto by_host = on_cuda();
  by_host.stop_after_steps = 100;  // a limit must be known, though it is not reached
  Scaled device(small_net(), on_cuda());
  Scaled host(small_net(), by_host);
  const auto one = device.fit(noise(64));
  const auto other = host.fit(noise(64));
  std::int64_t skipped = 0;
  for (std::size_t i = 0; i < one.epochs.size(); ++i) {
    CATCH_CHECK(one.epochs[i].skipped_steps == other.epochs[i].skipped_steps);
    skipped += one.epochs[i].skipped_steps;
  }
  CATCH_CHECK(skipped > 0);
  CATCH_CHECK(skipped < 16);
  CATCH_CHECK(weights(device).isfinite().all().item<bool>());
  CATCH_CHECK(distance(weights(device), weights(host)) < 1e-6);
}

#ifdef GRADUS_CUDA

namespace {

/// From the fifth step to the last but one, whatever makes the host wait is an error.
struct NoWaiting {
  std::int64_t steps;
  ~NoWaiting() { set(c10::cuda::SyncDebugMode::L_DISABLED); }
  void on(const StepEnd& event) const {
    if (event.step == 4) set(c10::cuda::SyncDebugMode::L_ERROR);  // captured by then
    if (event.step == steps - 1) set(c10::cuda::SyncDebugMode::L_DISABLED);
  }
  static void set(c10::cuda::SyncDebugMode mode) {
    c10::cuda::warning_state().set_sync_debug_mode(mode);
  }
};

}  // namespace

CATCH_TEST_CASE("[line 15] LibTorch's own tripwire is no dummy", "[cuda]") {
  if (no_device()) return;
  const auto one = at::ones({1}, at::device(at::kCUDA));
  NoWaiting::set(c10::cuda::SyncDebugMode::L_ERROR);
  CATCH_CHECK_THROWS_WITH(one.item<float>(), ContainsSubstring("synchronizing"));
  NoWaiting::set(c10::cuda::SyncDebugMode::L_DISABLED);
}

CATCH_TEMPLATE_TEST_CASE("[line 15] no step makes the host wait, by LibTorch's own tripwire",
                         "[cuda]", Everything, (Run<AdamW, Half, ClipNorm>), (Run<Muon>),
                         (Run<SGD, EMA>), (Captured<AdamW, Half>)) {
  if (no_device()) return;
  auto run = on_cuda(1);
  run.log_every_steps = 100;
  TestType trainer(small_net(), run);
  const NoWaiting observer{.steps = 16};
  CATCH_CHECK_NOTHROW(trainer.fit(noise(128), observer));
}

#endif

namespace {

struct trouble {
  static constexpr std::string_view name = "trouble";
};

/// Asks once for more memory than any device has, in the third step.
struct AsksForTooMuch {
  using slot = trouble;
  static constexpr std::string_view name = "AsksForTooMuch";
  using hooks = Hooks<hook::before_step>;
  static constexpr auto fields() { return no_fields; }
  static bool& armed() {
    static bool now = false;
    return now;
  }
  void before_step(const StepContext& context) const {
    if (context.step != 2 || !std::exchange(armed(), false)) return;
    static_cast<void>(at::empty({std::int64_t{1} << 42}, at::device(at::kCUDA).dtype(at::kByte)));
  }
};

struct TakesAGibibyteASample {
  using slot = trouble;
  static constexpr std::string_view name = "TakesAGibibyteASample";
  using hooks = Hooks<hook::before_forward>;
  static constexpr auto fields() { return no_fields; }
  void before_forward(Batch& batch, const StepContext&) const {
    static_cast<void>(
        at::empty({batch.size() << 30}, at::device(batch.input.device()).dtype(at::kByte)));
  }
};

}  // namespace

CATCH_TEST_CASE("memory of a device that runs out names the batch and leaves the last step whole",
                "[cuda]") {
  if (no_device()) return;
  using T =
      Trainer<Perceptron, Preset<Prefetch{.batch_size = 4, .workers = 2}>, AdamW, AsksForTooMuch>;
  T whole(perceptron(), on_cuda());
  whole.fit(Points(40));

  AsksForTooMuch::armed() = true;
  T trainer(perceptron(), on_cuda());
  try {
    trainer.fit(Points(40));
    CATCH_FAIL("expected an OutOfMemory");
  } catch (const OutOfMemory& error) {
    CATCH_CHECK(error.code() == ExitCode::resource);
    CATCH_CHECK_THAT(error.what(), ContainsSubstring("memory ran out on cuda:0") &&
                                       ContainsSubstring("optimizer step 3") &&
                                       ContainsSubstring("batches of 4"));
  }
  T resumed(perceptron(1), on_cuda());
  resumed.load_state(trainer.save_state());
  resumed.fit(Points(40));
  CATCH_CHECK(weights(resumed).equal(weights(whole)));
}

CATCH_TEST_CASE("the largest batch is found where a device's memory ends", "[cuda]") {
  if (no_device()) return;
  using T = Trainer<ResNet10, Plain, SGD, TakesAGibibyteASample>;
  auto net = small_net();
  const auto sizes = find_batch_size<T>(net, noise(1024), {.smallest = 16, .largest = 1024},
                                        {.device = {c10::kCUDA, 0}});
  CATCH_CHECK(sizes.largest() < 1024);
  Everything after(net, on_cuda());
  CATCH_CHECK_NOTHROW(after.fit(noise(20), noise(8)));
}

CATCH_TEMPLATE_TEST_CASE("forms of memory and types on CUDA", "[cuda]", SGD, Adam, AdamW, RMSprop,
                         Lion, Adafactor, Muon, EMA, SWA, ClipNorm, ClipValue) {
  if (no_device()) return;
  testing::BrokenLaws laws;
  const c10::Device device(c10::kCUDA, 0);
  using Slot = typename TestType::slot;
  testing::memory_laws(Slot(), laws, TestType(), device);
  if constexpr (std::is_same_v<Slot, slot::optimizer>) {
    testing::type_laws(Slot(), laws, TestType(), device);
  }
  for (const auto& sentence : laws.sentences()) CATCH_WARN(sentence);
  CATCH_CHECK(laws.sentences().empty());
}

CATCH_TEST_CASE("a model of several number types is stepped on CUDA", "[cuda]") {
  if (no_device()) return;
  struct NetImpl : torch::nn::Module {
    torch::nn::Linear one = register_module("one", torch::nn::Linear(6, 8));
    torch::nn::Linear two = register_module("two", torch::nn::Linear(8, 3));
    at::Tensor forward(const at::Tensor& x) {
      return two(one(x).tanh().to(two->weight.scalar_type()));
    }
  };
  struct Net : torch::nn::ModuleHolder<NetImpl> {
    using torch::nn::ModuleHolder<NetImpl>::ModuleHolder;
  };
  Net net;
  net->two->to(torch::kBFloat16);
  Trainer<Net, Preset<Plain{.batch_size = 4}>, AdamW, EMA, ClipNorm> trainer(net, on_cuda());
  CATCH_CHECK(trainer.fit(Points(16), Points(8)).epochs.back().test->loss);
}

CATCH_TEMPLATE_TEST_CASE("ignored targets weigh a window on CUDA as on the CPU", "[cuda]", (Plain),
                         (Prefetch)) {
  if (no_device()) return;
  Points points(40);
  for (const std::int64_t place : {0, 3, 4, 5, 17, 33}) {
    points.targets_[place] = CrossEntropy::ignored;
  }
  points.inputs_ = points.inputs_.to(torch::kDouble);
  const auto trained = [&]<class T>(std::type_identity<T>, const RunSettings& run) {
    auto net = perceptron();
    net->to(at::kDouble);
    typename T::policies_type policies;
    policies.template at<slot::loading>().batch_size = 4;
    T trainer(net, run, policies);
    trainer.fit(points, points);
    return std::pair(weights_of(*trainer.model()).cpu(), trainer.evaluate(points).counted);
  };
  using T = Trainer<Perceptron, TestType, Preset<Accumulate{.steps = 2}>>;
  auto host = on_cuda(3);
  host.device = c10::kCPU;
  const auto [expected, counted] = trained(std::type_identity<T>(), host);
  CATCH_CHECK(counted == 34);
  const auto eager = trained(std::type_identity<T>(), on_cuda(3));
  CATCH_CHECK(distance(eager.first, expected) < 1e-9);
  CATCH_CHECK(eager.second == 34);
  const auto captured = trained(std::type_identity<with<T, CapturedStep>>(), on_cuda(3));
  CATCH_CHECK(distance(captured.first, expected) < 1e-6);  // its rate is float32
}

CATCH_TEST_CASE("weights of resident data with ignored labels are known without the device",
                "[cuda]") {
  if (no_device()) return;
  auto images = noise(40);
  auto labels = images.labels().clone();
  for (const std::int64_t place : {0, 3, 4, 5, 17, 33}) labels[place] = CrossEntropy::ignored;
  const data::ImageDataset some(images.images(), labels,
                                {.mean = {0.5F, 0.5F, 0.5F}, .deviation = {0.25F, 0.25F, 0.25F}});
  using There = Trainer<ResNet10, Preset<Resident{.batch_size = 4}>, Preset<Accumulate{.steps = 2}>,
                        Preset<SGD{.lr = 0.05}>>;
  using Streamed = with<There, Preset<Prefetch{.batch_size = 4, .workers = 2}>>;
  There there(small_net(), on_cuda());
  Streamed streamed(small_net(), on_cuda());
  there.fit(some);
  streamed.fit(some);
  CATCH_CHECK(weights(there).equal(weights(streamed)));
}
