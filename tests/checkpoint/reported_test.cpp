// What public reports say of checkpoints of other trainers, in small; the other cases are in
// semantics/reported_test.cpp.
#include "../semantics/runs.hpp"
#include "../train/toys.hpp"
#include "catch.hpp"
#include "folder.hpp"
#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/checkpoint/weights.hpp>
#include <gradus/policy/sharing/tie_weights.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/train/clone_model.hpp>

#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;
using gradus::test::Folder;

namespace {

using Small = Preset<Plain{.batch_size = 4}>;
constexpr double infinite = std::numeric_limits<double>::infinity();

RunSettings on_cpu(std::int64_t epochs = 1) {
  return {.epochs = epochs, .device = c10::kCPU, .log_every_steps = 1};
}

/// Files as another program may write them: a header, then values.
std::filesystem::path write_file_of(const Folder& folder, std::string header, std::size_t values) {
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  auto file = folder / "foreign.safetensors";
  std::ofstream(file, std::ios::binary) << bytes << header << std::string(values, '\x31');
  return file;
}

}  // namespace

// What has become not finite.

namespace {

struct CausalImpl : torch::nn::Module {
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
  at::Tensor mask = register_buffer("mask", torch::full({3, 3}, -infinite).triu(1));
  at::Tensor idle = register_buffer("idle", torch::zeros({2}));
  at::Tensor late;
  at::Tensor forward(const at::Tensor& x) {
    if (!late.defined()) late = register_buffer("late", torch::full({2}, -infinite));
    return head(x) + mask.softmax(1).sum(0);
  }
};
TORCH_MODULE(Causal);

}  // namespace

CATCH_TEST_CASE("what has become not finite: a mask of -inf is as its maker wants it") {
  const Folder folder;
  using T = Trainer<Causal, Small>;
  {
    T trainer(Causal(), on_cpu(2));
    Checkpoints checkpoints(trainer, folder.path());
    CATCH_CHECK(trainer.fit(Points(16), checkpoints).epochs.size() == 2);
    CATCH_CHECK(checkpoints.saved());
  }
  Causal again;
  again->forward(torch::zeros({1, 6}));
  T trainer(again, on_cpu(2));
  Checkpoints checkpoints(trainer, folder.path());
  CATCH_CHECK(checkpoints.resume(Points(16)));
}

CATCH_TEST_CASE("what has become not finite: a statistic that does is still not saved") {
  struct Poison {
    Causal* net;
    void on(const StepEnd& event) const {
      const at::NoGradGuard no_grad;
      if (event.step == 2) (*net)->idle[0] = infinite;
    }
  };
  const Folder folder;
  Causal net;
  Trainer<Causal, Small> trainer(net, on_cpu(2));
  Checkpoints checkpoints(trainer, folder.path());
  Poison poison{&net};
  CATCH_CHECK_THROWS_WITH(trainer.fit(Points(16), poison, checkpoints),
                          ContainsSubstring("'idle' is not finite in the state at step 4"));
}

// Types.

CATCH_TEST_CASE("types: files with every type that LibTorch has are read, and others named") {
  const Folder folder;
  const auto read = [&](const std::string& type, const std::string& shape, std::size_t bytes) {
    return read_safetensors(write_file_of(folder,
                                          R"({"w":{"dtype":")" + type + R"(","shape":)" + shape +
                                              R"(,"data_offsets":[0,)" + std::to_string(bytes) +
                                              "]}}",
                                          bytes));
  };
  for (const auto& [type, expected] : {std::pair{"F8_E8M0", at::ScalarType::Float8_e8m0fnu},
                                       std::pair{"F8_E4M3FNUZ", at::ScalarType::Float8_e4m3fnuz},
                                       std::pair{"F8_E5M2FNUZ", at::ScalarType::Float8_e5m2fnuz}}) {
    const auto tensor = read(type, "[2,3]", 6).tensors.at(0).tensor;
    CATCH_CHECK(tensor.scalar_type() == expected);
    CATCH_CHECK(tensor.sizes() == at::IntArrayRef({2, 3}));
  }
  // 32 bytes: 64 values in the file, 32 pairs in LibTorch.
  auto pairs = read("F4", "[64]", 32);
  CATCH_CHECK(pairs.tensors.at(0).tensor.sizes() == at::IntArrayRef({32}));
  write_safetensors(folder / "pairs.safetensors", pairs);
  const auto text = gradus::test::text_of(folder / "pairs.safetensors");
  CATCH_CHECK_THAT(text, ContainsSubstring(R"("shape":[64])"));
  CATCH_CHECK(read_safetensors(folder / "pairs.safetensors").tensors.at(0).tensor.nbytes() == 32);

  CATCH_CHECK_THROWS_WITH(
      read("F6_E2M3", "[4]", 3),
      ContainsSubstring("has the type 'F6_E2M3', which LibTorch does not have"));
  CATCH_CHECK_THROWS_WITH(read("F99", "[4]", 16),
                          ContainsSubstring("has the type 'F99', which is not supported"));
  CATCH_CHECK_THROWS_WITH(read("F4", "[3]", 2), ContainsSubstring("ends within a byte"));
  CATCH_CHECK_THROWS_WITH(read("F4", "[2,3]", 3), ContainsSubstring("its last side is odd"));
}

CATCH_TEST_CASE("types: members of a tensor that the format does not name are skipped") {
  const Folder folder;
  const auto file = write_file_of(
      folder,
      R"({"w":{"dtype":"F32","of":{"dtype":[1,{"a":[]}],"x":null},"shape":[4],"n":1.5,"t":[true,"a",[2]],"data_offsets":[0,16],"m":-1}})",
      16);
  const auto tensors = read_safetensors(file).tensors;
  CATCH_REQUIRE(tensors.size() == 1);
  CATCH_CHECK(tensors[0].tensor.sizes() == at::IntArrayRef({4}));
}

CATCH_TEST_CASE(
    "types: buffers of every type and with lazy bits are saved as the values they have") {
  struct NetImpl : torch::nn::Module {
    torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
    at::Tensor wave = register_buffer(
        "wave", torch::complex(torch::arange(4.0F), torch::arange(4.0F) + 1).conj());
    at::Tensor minus = register_buffer(
        "minus", at::imag(torch::complex(torch::arange(4.0F), torch::arange(4.0F) + 1).conj()));
    at::Tensor seen = register_buffer("seen", torch::ones({1}).expand({3}));
    at::Tensor forward(const at::Tensor& x) { return head(x); }
  };
  struct Net : torch::nn::ModuleHolder<NetImpl> {
    using torch::nn::ModuleHolder<NetImpl>::ModuleHolder;
  };
  const auto fresh = [] {
    Net net;
    int number = 0;
    for (const auto type :
         {at::kDouble, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort, at::kChar,
          at::kUInt64, at::kUInt32, at::kUInt16, at::kByte, at::kBool, at::kFloat8_e4m3fn,
          at::kFloat8_e5m2, at::ScalarType::Float8_e8m0fnu, at::ScalarType::Float8_e4m3fnuz}) {
      net->register_buffer("b" + std::to_string(number++), torch::arange(1, 4).to(type));
    }
    return net;
  };
  const Folder folder;
  const auto net = fresh();
  CATCH_REQUIRE((net->wave.is_conj() && net->minus.is_neg()));
  Trainer<Net, Small> trainer(net, on_cpu(2));
  {
    Checkpoints checkpoints(trainer, folder.path());
    CATCH_CHECK(trainer.fit(Points(16), checkpoints).epochs.size() == 2);
  }
  save_weights(*net, folder / "w.safetensors", {});
  auto other = fresh();
  {
    const at::NoGradGuard no_grad;
    other->wave.zero_();
    other->minus.zero_();
  }
  load_weights(*other, read_safetensors(folder / "w.safetensors"));
  CATCH_CHECK(
      at::allclose(other->wave, torch::complex(torch::arange(4.0F), -torch::arange(4.0F) - 1)));
  CATCH_CHECK(at::allclose(other->minus, -torch::arange(4.0F) - 1));
  CATCH_CHECK(other->seen.equal(torch::ones({3})));
  Trainer<Net, Small> resumed(fresh(), on_cpu(2));
  Checkpoints checkpoints(resumed, folder.path());
  CATCH_CHECK(checkpoints.resume(Points(16)));
}

CATCH_TEST_CASE("types: a buffer that no file can hold is refused before the run, by name") {
  auto net = perceptron();
  net->register_buffer("phases", torch::ones({2}, torch::kComplexDouble));
  Trainer<Perceptron, Small> trainer(net, on_cpu());
  const Folder folder;
  CATCH_CHECK_THROWS_WITH(Checkpoints(trainer, folder.path()),
                          ContainsSubstring("'phases' of the model is ComplexDouble"));
}

// What a saved run holds.

CATCH_TEST_CASE(
    "what a saved run holds: which parameters are frozen, so that a thawed one resumes thawed") {
  struct Thaws {
    Perceptron* net;
    void on(const EpochEnd& event) const {
      if (event.record.epoch == 2) (*net)->hidden->weight.requires_grad_(true);
    }
  };
  const auto frozen = [] {
    auto net = perceptron();
    net->hidden->weight.requires_grad_(false);
    return net;
  };
  using T = Trainer<Perceptron, Small, Preset<SGD{.lr = 0.1}>>;
  auto whole = frozen();
  Thaws thaws{&whole};
  T(whole, on_cpu(4)).fit(Points(16), thaws);

  const Folder folder;
  auto first = frozen();
  Thaws first_thaws{&first};
  auto run = on_cpu(4);
  run.stop_after_steps = 10;  // in the third epoch
  {
    T trainer(first, run);
    Checkpoints checkpoints(trainer, folder.path());
    trainer.fit(Points(16), first_thaws, checkpoints);
  }
  auto second = frozen();
  Thaws second_thaws{&second};
  T trainer(second, on_cpu(4));
  Checkpoints checkpoints(trainer, folder.path());
  CATCH_REQUIRE(checkpoints.resume(Points(16)));
  CATCH_CHECK(second->hidden->weight.requires_grad());
  trainer.fit(Points(16), second_thaws, checkpoints);
  CATCH_CHECK(weights_of(*second).equal(weights_of(*whole)));
}

namespace {

/// Weights of the classes are a member, but no field.
template <bool Says>
struct ByClass {
  using slot = gradus::slot::loss;
  static constexpr std::string_view name = Says ? "Named" : "Unnamed";
  std::vector<double> classes{1, 1, 1};
  static constexpr auto fields() { return no_fields; }
  [[nodiscard]] std::uint64_t fingerprint() const
    requires Says
  {
    std::uint64_t sum = 0;
    for (const double weight : classes) sum = sum * 31 + static_cast<std::uint64_t>(weight * 1000);
    return sum;
  }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::cross_entropy_loss(output, target, torch::tensor(classes).to(at::kFloat));
  }
  at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return loss(output, target);
  }
};
static_assert(has_unknown_member<ByClass<false>> && !has_unknown_member<ByClass<true>>);

template <bool Says>
std::string resumed_with(double weight) {
  using T = Trainer<Perceptron, Small, ByClass<Says>>;
  const Folder folder;
  {
    T trainer(perceptron(), on_cpu());
    Checkpoints checkpoints(trainer, folder.path());
    trainer.fit(Points(16), checkpoints);
  }
  typename T::policies_type policies;
  policies.template at<slot::loss>().classes[0] = weight;
  T trainer(perceptron(), on_cpu(), policies);
  Checkpoints checkpoints(trainer, folder.path());
  try {
    checkpoints.resume(Points(16));
    return "";
  } catch (const CheckpointError& error) {
    return error.what();
  }
}

}  // namespace

CATCH_TEST_CASE(
    "what a saved run holds: a policy with a member that is no field is not resumed blindly") {
  CATCH_CHECK_THAT(resumed_with<false>(2), ContainsSubstring("policy Unnamed of axis loss has a "
                                                             "member that is no declared field"));
  CATCH_CHECK_THAT(resumed_with<true>(2), ContainsSubstring("policies.loss.fingerprint was"));
  CATCH_CHECK(resumed_with<true>(1).empty());
}

CATCH_TEST_CASE(
    "what a saved run holds: the best checkpoint must be known by something that is measured") {
  Trainer<Perceptron, Small> trainer(perceptron(), on_cpu());
  const Folder folder;
  Checkpoints checkpoints(trainer, folder.path(), {.best = "accuracy"});
  CATCH_CHECK_THROWS_WITH(trainer.fit(Points(16), checkpoints),
                          ContainsSubstring("the best checkpoint monitors the held-out accuracy"));
}

// Names.

namespace {

/// Ties its two layers itself.
struct TwinsImpl : torch::nn::Cloneable<TwinsImpl> {
  TwinsImpl() { reset(); }
  void reset() override {
    one = register_module("one", torch::nn::Linear(6, 6));
    two = register_module("two", torch::nn::Linear(6, 6));
    head = register_module("head", torch::nn::Linear(6, 3));
    tie_parameter(*two, "weight", two->weight, one->weight);
  }
  torch::nn::Linear one{nullptr}, two{nullptr}, head{nullptr};
  at::Tensor forward(const at::Tensor& x) { return head(two(one(x)).tanh()); }
};
TORCH_MODULE(Twins);

}  // namespace

CATCH_TEST_CASE(
    "names: a tie made by the model itself survives training, saving, loading and cloning") {
  const Folder folder;
  Twins twins;
  Trainer<Twins, Small> trainer(twins, on_cpu(2));
  trainer.fit(Points(16));
  CATCH_CHECK(twins->one->weight.is_same(twins->two->weight));
  auto copy = clone_model(trainer);
  CATCH_CHECK(copy->one->weight.is_same(copy->two->weight));
  CATCH_CHECK(copy->one->weight.equal(twins->one->weight));

  // Python's safetensors keeps whichever name it likes, or all of them.
  std::vector<NamedTensor> other;
  std::vector<NamedTensor> both;
  for (auto [name, tensor] : named_state(*twins)) {
    both.push_back({name, tensor});
    if (name == "one.weight") {
      both.push_back({"two.weight", tensor});
      name = "two.weight";
    }
    other.push_back({name, tensor});
  }
  for (const auto& tensors : {other, both}) {
    write_safetensors(folder / "t.safetensors", {{}, tensors});
    Twins loaded;
    load_weights(*loaded, read_safetensors(folder / "t.safetensors"));
    CATCH_CHECK(loaded->two->weight.equal(twins->one->weight));
    CATCH_CHECK(loaded->one->weight.is_same(loaded->two->weight));
  }
  both[1].tensor = both[1].tensor + 1;
  write_safetensors(folder / "t.safetensors", {{}, both});
  Twins loaded;
  CATCH_CHECK_THROWS_WITH(load_weights(*loaded, read_safetensors(folder / "t.safetensors")),
                          ContainsSubstring("has two values for"));
}
