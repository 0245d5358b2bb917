// Every shipped policy keeps the laws of its axis, and the laws can be broken.
#include "catch.hpp"
#include <gradus/gradus.hpp>
#include <gradus/testing.hpp>

using namespace gradus;
using testing::check_laws;

CATCH_TEMPLATE_TEST_CASE("every shipped policy keeps the laws of its axis", "", Float32, Mixed,
                         NoAccumulation, Accumulate, SGD, Adam, AdamW, RMSprop, Lion, Adafactor,
                         Muon, ScheduleFreeAdamW, OptimizerAverage, Constant, StepDecay, MultiStep,
                         Exponential, Cosine, CosineRestarts, Polynomial, OneCycle, Warmup<Cosine>,
                         (Sequence<Constant, Polynomial>), WarmupStableDecay, ReduceOnPlateau,
                         Plain, Prefetch, Resident, NoAugmentation, CropFlip, RandomErasing<>,
                         RandomErasing<CropFlip>, Contiguous, ChannelsLast, FullResolution,
                         Progressive, CrossEntropy, NoMixing, Mixup, CutMix, NoClipping, ClipNorm,
                         ClipValue, NoAveraging, EMA, SWA, Guard, AllEpochs, EarlyStop, Eager,
                         CapturedStep, NoFreezing, Freeze, Shuffle, InOrder, ClassBalanced,
                         WeightedSampling, LibraryKernels, FastConvolutions, SingleProcess) {
  check_laws<TestType>();
}

CATCH_TEST_CASE("shipped policies keep the laws with other numbers too") {
  check_laws(SGD{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true});
  check_laws(AdamW{.lr = 0.1, .weight_decay = 0.2, .decay = Decay::weights});
  check_laws(SGD{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1, .decay = Decay::weights});
  check_laws(SGD{.lr = 0.1, .momentum = 0.9, .dampening = 0.5});
  check_laws(Adam{.lr = 0.1, .weight_decay = 0.2, .decay = Decay::weights});
  check_laws(ScheduleFreeAdamW{.lr = 0.1, .beta1 = 0.5, .weight_decay = 0.2, .r = 1});
  check_laws(RMSprop{.momentum = 0.9, .weight_decay = 0.1, .centered = true});
  check_laws(RMSprop{.momentum = 0.9});
  check_laws(Muon{.nesterov = false, .rate = MuonRate::match_rms_adamw});
  check_laws(Muon{.products = MuonProducts::bfloat16});
  check_laws(Muon{.normalize_weights = true});
  check_laws(Muon{.nesterov = false, .products = MuonProducts::float16});
  check_laws(ReduceOnPlateau{.patience = 1, .cooldown = 2, .min_lr = 1e-3});
  check_laws(Warmup<Sequence<OneCycle, Warmup<StepDecay>>>{.steps = 3});
  check_laws(EMA{.decay = 0.5, .every = 3});
  check_laws(SWA{.begin = 0.25, .every = 2});
  check_laws(EarlyStop{.monitor = "accuracy"});
  check_laws(EarlyStop{.min_delta = 0.1, .restore_best = true});
  check_laws(OneCycle{.anneal = Anneal::linear, .three_phase = true});
  check_laws(OneCycle{.cycle_momentum = false});
  check_laws(Mixed{.type = MixedType::bfloat16});
  check_laws(Mixed{.type = MixedType::float16});
  check_laws(Mixed{.type = MixedType::float32});
  check_laws(CropFlip{.padding = 2, .flip = Flip::alternating});
  check_laws(CrossEntropy{.label_smoothing = 0.1});
  check_laws(CapturedStep{.warmup_steps = 11, .max_graphs = 1});
  for (const auto ways :
       {ConvolutionWays::usual, ConvolutionWays::library, ConvolutionWays::product,
        ConvolutionWays::small_tiles, ConvolutionWays::large_tiles}) {
    check_laws(FastConvolutions{.ways = ways});
  }
}

namespace {

struct TwinsImpl : torch::nn::Module {
  torch::nn::Linear left = register_module("left", torch::nn::Linear(4, 4));
  torch::nn::Linear right = register_module("right", torch::nn::Linear(4, 4));
};
TORCH_MODULE(Twins);

using Tied = TieWeights<&TwinsImpl::left, &TwinsImpl::right>;

}  // namespace

CATCH_TEST_CASE("shipped sharing policies keep the laws") {
  const auto network = [] { return ResNet10(ResNet10Options{.width = 4}); };
  check_laws(NoSharing(), network);
  check_laws(ShareEarlyLayer(), network);
  check_laws(Tied(), [] { return Twins(); });
}

CATCH_TEST_CASE("shipped initialization policies keep the laws") {
  const auto network = [] {
    torch::manual_seed(0);
    return ResNet10(ResNet10Options{.width = 4});
  };
  check_laws(AsMade(), network);
  check_laws(IdentityStart(), network);
}

CATCH_TEST_CASE("tied weights are one tensor with one gradient") {
  Twins twins;
  Tied().tie(twins);
  CATCH_CHECK(twins->left->weight.is_same(twins->right->weight));
  CATCH_CHECK(count_parameters(*twins) == 16 + 4 + 4);
}

namespace {

struct Restless {
  using slot = gradus::slot::schedule;
  static constexpr std::string_view name = "Restless";
  static constexpr auto fields() { return no_fields; }
  Rates at(std::int64_t, std::int64_t, double rate) const {
    static int calls = 0;
    return {rate * ++calls, 0.9};
  }
};

/// Chooses again each time.
struct Fickle {
  using slot = gradus::slot::kernels;
  static constexpr std::string_view name = "Fickle";
  static constexpr auto fields() { return no_fields; }
  struct State {
    std::shared_ptr<int> calls = std::make_shared<int>(0);
  };
  State start(c10::Device) const { return {}; }
  ConvolutionScope kernel_scope(const State& state) const {
    return ConvolutionScope(convolution_choices(
        ConvolutionChoices::Rule::pinned,
        ++*state.calls % 2 == 0 ? ConvolutionWay::small_tiles : ConvolutionWay::large_tiles));
  }
  std::vector<KernelChoice> choices(const State&) const { return {{"convolution", "", {}}}; }
  void save(const State& state, StateDict& to) const {
    to.put("calls", std::int64_t{*state.calls});
  }
  void load(State& state, const StateDict& from) const {
    *state.calls = static_cast<int>(from.number("calls"));
  }
};

struct Forgetful {
  using slot = gradus::slot::optimizer;
  static constexpr std::string_view name = "Forgetful";
  double lr = 0.1;
  double undeclared = 1;
  static constexpr auto fields() {
    return fields_of(field("lr", &Forgetful::lr, positive(), "learning rate"));
  }
  struct State {
    std::vector<NamedTensor> parameters;
    at::Tensor count = at::zeros({});
  };
  State start(const std::vector<NamedTensor>& parameters) const { return {parameters}; }
  constexpr bool has_momentum() const { return false; }
  void save(const State&, StateDict&) const {}
  void load(State&, const StateDict&) const {}
  void step(State& state, const Rates& rates) const {
    const at::NoGradGuard no_grad;
    state.count.add_(1);
    for (const auto& [label, parameter] : state.parameters) {
      if (parameter.grad().defined()) {
        parameter.grad().mul_(rates.learning_rate * state.count);
        parameter.sub_(parameter.grad());
      }
    }
  }
};

template <class P>
std::vector<std::string> broken() {
  testing::BrokenLaws laws;
  testing::number_laws(laws, P());
  testing::axis_laws(typename P::slot(), laws, P());
  return laws.sentences();
}

bool holds(const std::vector<std::string>& sentences, const std::string& sentence) {
  return std::find(sentences.begin(), sentences.end(), sentence) != sentences.end();
}

}  // namespace

CATCH_TEST_CASE("a policy that breaks laws is told which") {
  CATCH_CHECK(
      holds(broken<Restless>(), "the rates are a pure function of the step in a run of 1 steps"));
  CATCH_CHECK(holds(broken<Restless>(), "`cycles_momentum()` says whether it sets momentum"));
  const auto fickle = broken<Fickle>();
  CATCH_CHECK(holds(fickle, "nothing is chosen before anything runs"));
  CATCH_CHECK(holds(fickle, "what was chosen once stays"));
  CATCH_CHECK(holds(fickle, "it says what it has chosen"));
  const auto forgetful = broken<Forgetful>();
  CATCH_CHECK(holds(forgetful, "a step changes no gradient"));
  CATCH_CHECK(holds(forgetful, "a run that is saved and loaded resumes bit for bit"));
}
