// The kernels axis in runs: what computes a model's convolutions, and that runs keep it.
#include "../catch.hpp"
#include "../folder.hpp"
#include "../semantics/resume.hpp"
#include "../train/toys.hpp"
#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/data/tensor_dataset.hpp>
#include <gradus/kernel/micro_kernel.hpp>
#include <gradus/policy/kernels/fast_convolutions.hpp>
#include <gradus/policy/kernels/library_kernels.hpp>
#include <gradus/policy/loading/plain.hpp>
#include <gradus/train/stepper.hpp>
#include <gradus/train/trainer.hpp>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

using namespace gradus;
using namespace semantics;
using Catch::Matchers::ContainsSubstring;

namespace {

using Timed = Preset<FastConvolutions{}>;
using LargeTiles = Preset<FastConvolutions{.ways = ConvolutionWays::large_tiles}>;

/// Convolutions in a Sequential, and one that is a function.
struct LayersImpl : torch::nn::Module {
  torch::nn::Sequential layers = register_module(
      "layers", torch::nn::Sequential(torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 8, 3)),
                                      torch::nn::ReLU(torch::nn::ReLUOptions().inplace(true))));
  at::Tensor weight = register_parameter("weight", torch::randn({6, 8, 3, 3}) * 0.1);
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));

  at::Tensor forward(const at::Tensor& x) {
    namespace F = torch::nn::functional;
    const auto y = F::conv2d(layers->forward(x), weight, F::Conv2dFuncOptions().stride(2));
    return head(y.relu().mean({2, 3}));
  }
};
TORCH_MODULE(Layers);

Layers layers() {
  torch::manual_seed(0);
  return Layers();
}

/// Patterns of three classes, [12, `channels`, 12, 12].
data::TensorDataset<Batch> patterns(std::int64_t channels = 3) {
  const auto generator = at::detail::createCPUGenerator(3);
  const auto target = torch::arange(12).remainder(3);
  return data::TensorDataset<Batch>(
      {torch::randn({12, channels, 12, 12}, generator) + target.view({-1, 1, 1, 1}), target});
}

template <class... Policies>
using Small = Trainer<Layers, Preset<Plain{.batch_size = 4}>, Preset<SGD{.lr = 0.1}>, Policies...>;

const RunSettings short_run{.seed = 1, .epochs = 2, .device = c10::kCPU};

std::set<std::string> ways_of(const std::vector<KernelChoice>& choices) {
  std::set<std::string> ways;
  for (const auto& choice : choices) ways.insert(choice.way);
  return ways;
}

}  // namespace

CATCH_TEST_CASE("without a kernels policy a model's convolutions are LibTorch's to the bit") {
  const auto set = patterns();
  auto model = layers();
  torch::optim::SGD optimizer(model->parameters(), torch::optim::SGDOptions(0.1));
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    const auto order = sample_order(Shuffle{}, set, 1, epoch);
    for (std::size_t first = 0; first < 12; first += 4) {
      const auto batch = set.batch(std::span(order).subspan(first, 4));
      torch::nn::functional::cross_entropy(model->forward(batch.input), batch.target).backward();
      optimizer.step();
      optimizer.zero_grad();
    }
  }
  Small<> plain(layers(), short_run);
  plain.fit(set);
  CATCH_CHECK(weights_of(*plain.model()).equal(weights_of(*model)));
  CATCH_CHECK(plain.kernel_choices().empty());

  Small<LargeTiles> fast(layers(), short_run);
  fast.fit(set);
  CATCH_CHECK_FALSE(weights_of(*fast.model()).equal(weights_of(*model)));
  CATCH_CHECK(torch::allclose(weights_of(*fast.model()), weights_of(*model), 1e-4, 1e-5));
  Small<> after(layers(), short_run);  // nothing of it stays in the process
  after.fit(set);
  CATCH_CHECK(weights_of(*after.model()).equal(weights_of(*model)));
}

CATCH_TEST_CASE("modules and functions of a model are served, in training and in evaluation") {
  const auto set = patterns();
  Small<LargeTiles> trainer(layers(), short_run);
  CATCH_CHECK(trainer.kernel_choices().empty());
  trainer.fit(set);
  const auto trained = trainer.kernel_choices();
  // Of the module, whose input needs no gradient, two parts; of the function, three.
  CATCH_CHECK(trained.size() == 5);
  CATCH_CHECK(ways_of(trained) == std::set<std::string>{"large_tiles"});
  CATCH_CHECK(trained[0].operation ==
              "forward of 3 x 3, 3 to 8 channels, stride 1, over 12 x 12, batches from 4, float32");
  CATCH_CHECK(trained[0].tried.empty());

  Small<LargeTiles> untrained(layers(), short_run);
  const auto own = untrained.predict(set);
  CATCH_CHECK(untrained.kernel_choices().size() == 2);
  Small<> plain(layers(), short_run);
  CATCH_CHECK(torch::allclose(own, plain.predict(set), 1e-4, 1e-5));
}

CATCH_TEST_CASE("each setting of FastConvolutions takes the ways that it names") {
  const auto set = patterns();
  const auto ways = [&](ConvolutionWays setting) {
    typename Small<FastConvolutions>::policies_type policies;
    policies.at<slot::kernels>().ways = setting;
    Small<FastConvolutions> trainer(layers(), short_run, policies);
    trainer.fit(set);
    return trainer.kernel_choices();
  };
  using Names = std::set<std::string>;
  CATCH_CHECK(ways_of(ways(ConvolutionWays::library)) == Names{"library"});
  CATCH_CHECK(ways_of(ways(ConvolutionWays::small_tiles)) == Names{"small_tiles"});
  CATCH_CHECK(ways_of(ways(ConvolutionWays::large_tiles)) == Names{"large_tiles"});
  // Maps of 10 x 10 are too large for products, of 4 x 4 not.
  CATCH_CHECK(ways_of(ways(ConvolutionWays::product)) == Names{"library", "product"});
  // Few channels, and a map of 4 x 4 with stride 2.
  CATCH_CHECK(ways_of(ways(ConvolutionWays::usual)) == Names{"library", "product"});
  for (const auto& choice : ways(ConvolutionWays::measured)) {
    CATCH_INFO(choice.operation);
    CATCH_REQUIRE(choice.tried.size() >= 3);
    const auto fastest =
        std::ranges::min_element(choice.tried, {}, &KernelChoice::Tried::milliseconds);
    // LibTorch's stays where nothing is clearly faster.
    CATCH_CHECK((choice.way == fastest->way || choice.way == "library"));
  }
}

CATCH_TEST_CASE("a run of fast convolutions has the same bits again, whatever the workers") {
  using T = Trainer<ResNet10, Preset<Prefetch{.batch_size = 8}>, CropFlip, AdamW, OneCycle,
                    ChannelsLast, LargeTiles>;
  const auto run = [](std::int64_t workers) {
    typename T::policies_type policies;
    policies.at<slot::loading>().workers = workers;
    T trainer(small_net(), short_run, policies);
    trainer.fit(noise(24));
    CATCH_CHECK(ways_of(trainer.kernel_choices()).contains("large_tiles"));
    return weights(trainer);
  };
  const auto expected = run(0);
  CATCH_CHECK(run(0).equal(expected));
  CATCH_CHECK(run(2).equal(expected));
}

CATCH_TEST_CASE("losses of a run with fast convolutions are near those without") {
  // 6 steps of ResNet10 at width 4: rounding grows with each, to 1e-4 of the loss at most.
  const auto losses = [](auto trainer) {
    std::vector<double> list;
    const auto history = trainer.fit(noise(24));
    for (const auto& epoch : history.epochs) list.push_back(epoch.train_loss.value());
    return list;
  };
  using Shared = Preset<Prefetch{.batch_size = 8}>;
  using Slow = Preset<SGD{.lr = 0.01}>;
  const auto plain = losses(Trainer<ResNet10, Shared, Slow>(small_net(), short_run));
  const auto large = losses(Trainer<ResNet10, Shared, Slow, LargeTiles>(small_net(), short_run));
  const auto measured = losses(Trainer<ResNet10, Shared, Slow, Timed>(small_net(), short_run));
  CATCH_REQUIRE(plain.size() == 2);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CATCH_CHECK(std::abs(large[i] - plain[i]) < 1e-3);
    CATCH_CHECK(std::abs(measured[i] - plain[i]) < 1e-3);
  }
}

CATCH_TEMPLATE_TEST_CASE("mixed precision and fast convolutions go together", "",
                         Preset<FastConvolutions{.ways = ConvolutionWays::product}>,
                         Preset<FastConvolutions{.ways = ConvolutionWays::huge_tiles}>,
                         Preset<FastConvolutions{.ways = ConvolutionWays::blocks}>) {
  using T = Trainer<Layers, Preset<Plain{.batch_size = 4}>, Preset<SGD{.lr = 0.1}>,
                    Preset<Mixed{.type = MixedType::bfloat16}>, TestType>;
  T trainer(layers(), short_run);
  const auto history = trainer.fit(patterns());
  CATCH_CHECK(std::isfinite(history.epochs.back().train_loss.value()));
  const auto choices = trainer.kernel_choices();
  CATCH_REQUIRE(choices.size() >= 3);  // of the second convolution; of the first by blocks alone
  for (const auto& choice : choices)
    CATCH_CHECK_THAT(choice.operation, ContainsSubstring("bfloat16"));
  // Stride 1 over 12 x 12 first, and then stride 2 to 4 x 4: no way but blocks fits both.
  const auto way = TestType::values.ways;
  const bool has_blocks = kernel::LibraryMicroKernel::available();
  CATCH_CHECK(ways_of(choices).contains("huge_tiles") == (way == ConvolutionWays::huge_tiles));
  CATCH_CHECK(ways_of(choices).contains("blocks") ==
              (way == ConvolutionWays::blocks && has_blocks));
}

CATCH_TEST_CASE("a resumed run takes the ways of the run that was saved") {
  // As if another processor had measured: LibTorch's way for all, whatever is the fastest here.
  using T = Small<Timed>;
  const auto set = patterns();
  auto half = short_run;
  half.stop_after_steps = 3;
  T first(layers(), half);
  first.fit(set);
  const auto saved = first.save_state();
  std::vector<NamedTensor> entries;
  for (const auto& [name, tensor] : saved.entries()) entries.push_back({name, tensor.clone()});
  const auto cases = std::ranges::find_if(
      entries, [](const NamedTensor& entry) { return entry.name == "policy/kernels/cases"; });
  CATCH_REQUIRE(cases != entries.end());
  CATCH_CHECK(cases->tensor.size(0) == static_cast<std::int64_t>(first.kernel_choices().size()));
  cases->tensor.select(1, 11).fill_(static_cast<std::int64_t>(ConvolutionWay::library));
  T second(layers(), short_run);
  second.load_state(StateDict(std::move(entries)));
  CATCH_CHECK(ways_of(second.kernel_choices()) == std::set<std::string>{"library"});
  second.fit(set);
  CATCH_CHECK(ways_of(second.kernel_choices()) == std::set<std::string>{"library"});

  // A trainer that has choices of its own has none of them after it took a state.
  T fresh(layers(), short_run);
  second.load_state(fresh.save_state());
  CATCH_CHECK(second.kernel_choices().empty());
}

CATCH_TEST_CASE("choices that are no choices are refused, and leave the trainer as it was") {
  using T = Small<LargeTiles>;
  const auto set = patterns();
  T trainer(layers(), short_run);
  trainer.fit(set);
  const auto saved = trainer.save_state();
  std::vector<NamedTensor> entries;
  for (const auto& [name, tensor] : saved.entries()) {
    entries.push_back({name, name == "policy/kernels/cases" ? tensor + 1 : tensor.clone()});
  }
  const auto before = trainer.kernel_choices().size();
  CATCH_CHECK_THROWS_AS(trainer.load_state(StateDict(std::move(entries))), CheckpointError);
  CATCH_CHECK(trainer.kernel_choices().size() == before);
}

CATCH_TEST_CASE("a run without convolutions saves and resumes without choices") {
  using T = Trainer<Perceptron, Timed, Preset<Plain{.batch_size = 4}>>;
  const test::Folder folder;
  const auto file = folder.path() / "state.safetensors";
  T first(perceptron(), short_run);
  first.fit(Points(8));
  CATCH_CHECK(first.kernel_choices().empty());
  write_safetensors(file, {{}, first.save_state().entries()});
  T second(perceptron(1), short_run);
  second.load_state(StateDict(read_safetensors(file).tensors));
  CATCH_CHECK(weights_of(*second.model()).equal(weights_of(*first.model())));
}

CATCH_TEST_CASE("a batch that convolutions cannot compute ends in the same sentence as without") {
  const auto sentence = [](auto trainer) {
    try {
      trainer.fit(patterns(4));
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto plain = sentence(Small<>(layers(), short_run));
  CATCH_CHECK_THAT(plain, ContainsSubstring("cannot compute a batch of Float [4, 4, 12, 12]"));
  CATCH_CHECK(sentence(Small<LargeTiles>(layers(), short_run)) == plain);
}

CATCH_TEST_CASE("a loop of one's own has fast convolutions within `forward`") {
  auto model = layers();
  Stepper<Layers, LargeTiles, Preset<SGD{.lr = 0.1}>> stepper(model, {.total_steps = 1});
  const auto set = patterns();
  const auto indices = data::sequential_order(12);
  const auto batch = set.batch(indices);
  const auto outside = model->forward(batch.input);
  const auto inside = stepper.forward([&] { return model->forward(batch.input); });
  CATCH_CHECK(torch::allclose(inside, outside, 1e-4, 1e-5));
  CATCH_CHECK_FALSE(inside.equal(outside));
  CATCH_CHECK(model->forward(batch.input).equal(outside));
  CATCH_CHECK(stepper.backward(torch::nn::functional::cross_entropy(inside, batch.target)));
}
