// Line 13 of docs/semantics.md: a run that is saved resumes bit for bit.
#include "resume.hpp"

#include "../catch.hpp"
#include "../folder.hpp"
#include "runs.hpp"
#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/policy/augmentation/random_erasing.hpp>
#include <gradus/policy/averaging/optimizer_average.hpp>
#include <gradus/policy/averaging/swa.hpp>
#include <gradus/policy/freezing/freeze.hpp>
#include <gradus/policy/kernels/fast_convolutions.hpp>
#include <gradus/policy/optimizer/adafactor.hpp>
#include <gradus/policy/optimizer/adam.hpp>
#include <gradus/policy/optimizer/grouped.hpp>
#include <gradus/policy/optimizer/lion.hpp>
#include <gradus/policy/optimizer/lookahead.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/rmsprop.hpp>
#include <gradus/policy/optimizer/schedule_free_adamw.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/policy/schedule/reduce_on_plateau.hpp>
#include <gradus/policy/stopping/early_stop.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

using namespace gradus;
using namespace semantics;

using FineTuned =
    Grouped<AdamW, Group{.parameters = "*weight", .form = GroupForm::weights, .rate = 3},
            GroupWith<Lion>{.parameters = "*.bias"}>;

CATCH_TEMPLATE_TEST_CASE(
    "[line 13] a saved run resumes bit for bit, from any step", "",
    (Run<Preset<SGD{.lr = 0.1, .momentum = 0.9}>>), (Run<Adam>), (Run<AdamW>), (Run<RMSprop, SWA>),
    (Run<Lion, RandomErasing<CropFlip>>), (Run<Adafactor, EarlyStop>), (Run<Muon, ReduceOnPlateau>),
    (Run<Lookahead<Preset<AdamW{.lr = 0.01}>>>), (Run<ScheduleFreeAdamW, OptimizerAverage>),
    (Run<AdamW, Preset<Mixed{.type = MixedType::float16}>>),
    (Run<FineTuned, Preset<Freeze{.parameters = "stem*|stage1.*", .epochs = 1}>>),
    (Run<FastConvolutions>),
    (Run<ChannelsLast, Preset<FastConvolutions{.ways = ConvolutionWays::large_tiles}>>),
    Everything) {
  check_resume<TestType>(two_epochs);
}

CATCH_TEST_CASE("[line 13] a run resumes, whether host or device knew which steps were skipped") {
  using Scaled = Run<Preset<SGD{.lr = 0.1}>, Cosine,
                     Preset<Mixed{.type = MixedType::float16, .initial_scale = 1 << 20}>>;
  auto by_host = two_epochs;
  by_host.stop_after_steps = 100;  // a limit must be known, though it is not reached
  const auto same = [](const StateDict& a, const StateDict& b) {
    for (const auto& [name, tensor] : a.entries()) {
      if (name.starts_with("time/") || name.starts_with("device_steps/")) continue;
      CATCH_INFO(name);
      CATCH_CHECK(tensor.equal(b.copy(name)));
    }
  };
  Scaled whole(small_net(), two_epochs);
  const auto expected = final_state(whole);
  CATCH_REQUIRE(expected.number("progress/steps") < 6);  // of 6 windows
  CATCH_REQUIRE(expected.number("progress/steps") > 0);
  for (const auto& [first, second] :
       {std::pair(by_host, two_epochs), std::pair(two_epochs, by_host)}) {
    for (const std::int64_t window : {1, 2, 4}) {
      Scaled cut(small_net(), first);
      SavesAt<Scaled> saver{&cut, window};
      cut.fit(noise(20), noise(8), saver);
      Scaled resumed(small_net(), second);
      resumed.load_state(saver.state);
      CATCH_INFO("saved after window " << window);
      same(final_state(resumed), expected);
    }
  }
}

/// What the test below starts in a process of its own.
CATCH_TEST_CASE("half a run, saved to a file", "[.resume-writer]") {
  Everything trainer(small_net(), two_epochs);
  SavesAt<Everything> saver{&trainer, 2};
  trainer.fit(noise(20), noise(8), saver);
  const char* file = std::getenv("GRADUS_RESUME_FILE");
  if (file != nullptr) write_safetensors(file, {{}, saver.state.entries()});
}

CATCH_TEST_CASE("[line 13] a run resumes bit for bit in another process") {
  const test::Folder folder;
  const auto file = folder.path() / "state.safetensors";
  ::setenv("GRADUS_RESUME_FILE", file.c_str(), 1);
  const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
  CATCH_REQUIRE(std::system((self + " '[.resume-writer]' > /dev/null").c_str()) == 0);

  Everything whole(small_net(), two_epochs);
  const auto expected = final_state(whole);
  Everything resumed(ResNet10(ResNet10Options{.width = 4}), two_epochs);
  resumed.load_state(StateDict(read_safetensors(file).tensors));
  CATCH_CHECK(same_bits(final_state(resumed), expected));
}

CATCH_TEST_CASE("[line 13] the state of another configuration is refused") {
  Run<AdamW> one(small_net(), two_epochs);
  Run<SGD, EMA> other(small_net(), two_epochs);
  CATCH_CHECK_THROWS_AS(other.load_state(one.save_state()), CheckpointError);
}
