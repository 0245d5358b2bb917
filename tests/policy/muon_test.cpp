#include "catch.hpp"
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/orthogonal.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace {

/// Newton-Schulz steps over X itself, as torch.optim.Muon makes them, all in the type of `matrix`.
at::Tensor over_x(const at::Tensor& matrix, int steps) {
  const bool tall = matrix.size(0) > matrix.size(1);
  at::Tensor x = tall ? matrix.t() : matrix;
  x = x / x.norm().clamp_min(1e-7);
  for (int step = 0; step < steps; ++step) {
    const auto gram = x.mm(x.t());
    x = at::addmm(x, at::addmm(gram, gram, gram, -4.7750, 2.0315), x, 3.4445);
  }
  return tall ? x.t() : x;
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  const auto exact = b.to(at::kDouble);
  return ((a.to(at::kDouble) - exact).norm() / exact.norm()).item<double>();
}

at::Tensor made_orthogonal(const at::Tensor& matrix, c10::ScalarType type, int steps = 5) {
  return gradus::orthogonal(matrix.unsqueeze(0), steps, type)[0];
}

struct Case {
  std::string name;
  at::Tensor matrix;
};

/// Singular values that fall like i^-power.
at::Tensor falling(std::int64_t rows, std::int64_t columns, double power) {
  const auto n = std::min(rows, columns);
  const auto left = std::get<0>(at::linalg_qr(at::randn({rows, n}, at::kDouble)));
  const auto right = std::get<0>(at::linalg_qr(at::randn({columns, n}, at::kDouble)));
  return (left * at::arange(1, n + 1, at::kDouble).pow(-power)).mm(right.t());
}

/// Matrices in float64 with values that float32 holds exactly.
std::vector<Case> cases() {
  at::manual_seed(0);
  const auto normal = [](std::int64_t rows, std::int64_t columns) {
    return at::randn({rows, columns}, at::kDouble);
  };
  std::vector<Case> all{{"square", normal(32, 32)},
                        {"nearly square", normal(40, 32)},
                        {"a 3 x 3 convolution", normal(24, 216)},
                        {"a 3 x 3 convolution that widens", normal(48, 216)},
                        {"tall", normal(120, 20)},
                        {"of one row", normal(1, 40)},
                        {"of one column", normal(40, 1)},
                        {"with falling singular values", falling(32, 288, 1)},
                        {"with steeply falling singular values", falling(32, 288, 2)},
                        {"tall, with steeply falling singular values", falling(200, 24, 2)},
                        {"of rank 3", normal(32, 3).mm(normal(3, 288))},
                        {"of rank 1", normal(32, 1).mm(normal(1, 288))},
                        {"tiny", normal(24, 216) * 1e-12},
                        {"huge", normal(24, 216) * 1e15}};
  for (auto& one : all) one.matrix = one.matrix.to(at::kFloat).to(at::kDouble);
  return all;
}

/// One step of momentum-free Muon from weights of zero, at rate 1 without decay.
std::vector<at::Tensor> stepped(const std::vector<at::Tensor>& gradients,
                                at::MemoryFormat format = at::MemoryFormat::Contiguous,
                                gradus::MuonRate rate = gradus::MuonRate::original) {
  const gradus::Muon muon{.momentum = 0, .weight_decay = 0, .rate = rate};
  std::vector<gradus::NamedTensor> named;
  for (const auto& gradient : gradients) {
    auto weight = at::zeros_like(gradient);
    if (weight.dim() == 4) weight = weight.contiguous(format);
    weight.set_requires_grad(true);
    weight.mutable_grad() = gradient;
    named.push_back({"weight", weight});
  }
  auto state = muon.start(named);
  muon.step(state, {1.0, std::nullopt});
  std::vector<at::Tensor> moved;
  for (const auto& one : named) moved.push_back(one.tensor.detach());
  return moved;
}

}  // namespace

CATCH_TEST_CASE(
    "in each number type a matrix is made as orthogonal as by steps over X in float64, "
    "and at most bfloat16's spread apart") {
  for (const auto& [name, matrix] : cases()) {
    CATCH_INFO(name);
    const auto exact = over_x(matrix, 5);
    const double spread = distance(over_x(matrix.to(at::kBFloat16), 5), exact);
    // Measured: 6e-4 of steeply falling singular values, below 1e-4 of others.
    CATCH_CHECK(distance(made_orthogonal(matrix, at::kFloat), exact) < 2e-3);
    // Measured over more forms: 0.6 of the spread, which may by luck be near 0 for a single row.
    CATCH_CHECK(distance(made_orthogonal(matrix, at::kHalf), exact) < std::max(spread, 1e-2));
    // The same steps as in `over_x`, whose sums are in another order.
    CATCH_CHECK(distance(made_orthogonal(matrix, at::kBFloat16), exact) < 1.3 * spread + 1e-2);
  }
}

CATCH_TEST_CASE("no number of steps lets a matrix explode") {
  for (const auto type : {at::kFloat, at::kHalf}) {
    for (const int steps : {1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 15, 30, 99}) {
      for (const auto& [name, matrix] : cases()) {
        CATCH_INFO(name << ", " << steps << " steps in " << c10::toString(type));
        const auto direction = made_orthogonal(matrix, type, steps).to(at::kDouble);
        CATCH_REQUIRE(direction.isfinite().all().item<bool>());
        CATCH_CHECK(std::get<1>(at::linalg_svd(direction, false)).max().item<double>() < 1.25);
      }
    }
  }
}

CATCH_TEST_CASE("Muon moves weights of every form along the orthogonal matrix") {
  at::manual_seed(1);
  std::vector<at::Tensor> gradients{at::randn({8, 6}),        at::randn({6, 20}),
                                    at::randn({16, 4, 3, 3}), at::randn({40, 4}),
                                    at::randn({16, 4, 3, 3}), at::randn({5, 3, 4})};
  gradients[2] = gradients[2].contiguous(at::MemoryFormat::ChannelsLast);
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const auto moved = stepped(gradients, format);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      CATCH_INFO("weight " << i);
      const auto matrix = gradients[i].contiguous().flatten(1).to(at::kDouble);
      const auto ratio = static_cast<double>(matrix.size(0)) / static_cast<double>(matrix.size(1));
      const auto expected = -std::sqrt(std::max(1.0, ratio)) * over_x(matrix, 5);
      // Float32, or bfloat16 where the processor has tiles for it.
      CATCH_CHECK(distance(moved[i].contiguous().flatten(1), expected) < 0.05);
      if (gradus::orthogonal_type(c10::kCPU) == at::kFloat) {
        CATCH_CHECK(distance(moved[i].contiguous().flatten(1), expected) < 1e-4);
      }
    }
  }
}

CATCH_TEST_CASE(
    "a weight is moved alike with or without others of its form, and no other gradient "
    "comes into it") {
  at::manual_seed(2);
  const auto first = at::randn({8, 4, 3, 3});
  const auto second = at::randn({8, 4, 3, 3});
  const auto nan = at::full({8, 36}, std::numeric_limits<float>::quiet_NaN());
  const auto moved =
      stepped({first, at::zeros({8, 36}), nan, second, at::Tensor(at::zeros({8, 36}))});
  const auto alone = stepped({second});
  CATCH_CHECK(distance(moved[3], alone[0]) < 0.02);  // bfloat16 at worst
  CATCH_CHECK(moved[2].isnan().all().item<bool>());
  CATCH_CHECK(torch::equal(moved[1], at::zeros({8, 36})));
  CATCH_CHECK(moved[0].isfinite().all().item<bool>());

  auto with = at::ones({4, 4}).set_requires_grad(true);
  auto without = at::ones({4, 4}).set_requires_grad(true);
  const gradus::Muon muon;
  auto state = muon.start({{"without", without}, {"with", with}});
  with.mutable_grad() = at::eye(4);
  muon.step(state, {0.1, std::nullopt});
  CATCH_CHECK(torch::equal(without.detach(), at::ones({4, 4})));
  CATCH_CHECK_FALSE(torch::equal(with.detach(), at::ones({4, 4})));
}

CATCH_TEST_CASE("the rate follows the form of a matrix") {
  using gradus::MuonRate;
  at::manual_seed(3);
  const std::vector<at::Tensor> gradients{at::randn({6, 24}), at::randn({40, 10}),
                                          at::randn({8, 2, 2, 2})};
  const auto format = at::MemoryFormat::Contiguous;
  const auto original = stepped(gradients);
  const auto as_adamw = stepped(gradients, format, MuonRate::match_rms_adamw);
  const auto unclamped = stepped(gradients, format, MuonRate::spectral_unclamped);
  const std::vector<double> clamped{1, 2, 1}, largest{24, 40, 8}, ratio{0.5, 2, 1};
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    CATCH_INFO("weight " << i);
    const auto direction = original[i] / clamped[i];
    CATCH_CHECK(distance(as_adamw[i], 0.2 * std::sqrt(largest[i]) * direction) < 1e-6);
    CATCH_CHECK(distance(unclamped[i], ratio[i] * direction) < 1e-6);
  }
}

namespace {

constexpr gradus::Muon normalizing{.weight_decay = 0.2, .normalize_weights = true};

/// Three matrices, of which two share a batch, one of them a convolution that lies channels-last,
/// and a bias, which the fallback updates.
struct Layers {
  std::vector<gradus::NamedTensor> parameters;

  explicit Layers(at::ScalarType type = at::kFloat) {
    const auto generator = at::detail::createCPUGenerator(5);
    const auto add = [&](const char* name, at::IntArrayRef shape, at::MemoryFormat format) {
      const auto values = at::randn(shape, generator).to(type).contiguous(format);
      parameters.push_back({name, values.requires_grad_()});
    };
    add("linear", {8, 36}, at::MemoryFormat::Contiguous);
    add("convolution", {8, 4, 3, 3}, at::MemoryFormat::ChannelsLast);
    add("tall", {12, 5}, at::MemoryFormat::Contiguous);
    add("bias", {8}, at::MemoryFormat::Contiguous);
  }

  void set_gradients(int step) {
    for (auto& [name, tensor] : parameters) {
      const auto count = at::arange(tensor.numel(), at::kFloat) * 0.7 + step;
      tensor.mutable_grad() = count.sin().view(tensor.sizes()).to(tensor.scalar_type());
    }
  }

  /// Each matrix becomes one of norm sqrt(rows).
  void normalize() {
    const at::NoGradGuard no_grad;
    for (auto& [name, tensor] : parameters) {
      if (tensor.dim() < 2) continue;
      tensor.mul_(std::sqrt(static_cast<double>(tensor.size(0))) / tensor.norm());
    }
  }
};

}  // namespace

CATCH_TEST_CASE("Muon with normalized weights steps from weights of norm sqrt(rows)") {
  auto by_hand = normalizing;
  by_hand.normalize_weights = false;
  Layers layers, scaled;
  auto state = normalizing.start(layers.parameters);
  auto state_by_hand = by_hand.start(scaled.parameters);
  for (int step = 0; step < 3; ++step) {
    layers.set_gradients(step);
    normalizing.step(state, {0.1, std::nullopt});
    scaled.normalize();
    scaled.set_gradients(step);
    by_hand.step(state_by_hand, {0.1, std::nullopt});
    for (std::size_t i = 0; i < layers.parameters.size(); ++i) {
      CATCH_INFO(layers.parameters[i].name << " after step " << step);
      CATCH_CHECK(distance(layers.parameters[i].tensor.detach(),
                           scaled.parameters[i].tensor.detach()) < 1e-6);
    }
  }
}

CATCH_TEST_CASE("a step of Muon with normalized weights on the device is that of the host") {
  for (const auto type : {at::kFloat, at::kDouble}) {
    Layers host(type), device(type);
    auto of_host = normalizing.start(host.parameters);
    auto of_device = normalizing.start(device.parameters);
    const auto rate = at::full({1}, 0.1, at::kDouble);
    for (int step = 0; step < 3; ++step) {
      host.set_gradients(step);
      normalizing.step(of_host, {0.1, std::nullopt});
      device.set_gradients(step);
      for (const float void_step : {1.0F, 0.0F, 1.0F}) {
        normalizing.step_on_device(of_device, {0.1, std::nullopt}, rate, at::full({1}, void_step));
      }
      for (std::size_t i = 0; i < host.parameters.size(); ++i) {
        CATCH_INFO(host.parameters[i].name << " after step " << step);
        CATCH_CHECK(torch::equal(host.parameters[i].tensor, device.parameters[i].tensor));
      }
    }
  }
}

CATCH_TEST_CASE("normalized weights stay finite, of zeros and of any size, in 16 bits too") {
  for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    // The norm of the second, 80,000, is above what float16 holds.
    for (const double value : {0.0, 200.0}) {
      const auto stepped = [&](bool on_device) {
        auto weight = at::full({400, 400}, value, type).requires_grad_();
        auto state = normalizing.start({{"weight", weight}});
        weight.mutable_grad() = at::eye(400, type);
        if (on_device) {
          normalizing.step_on_device(state, {1e-3, std::nullopt}, at::full({1}, 1e-3, at::kDouble),
                                     at::zeros({1}));
        } else {
          normalizing.step(state, {1e-3, std::nullopt});
        }
        return weight.detach();
      };
      CATCH_INFO(c10::toString(type) << " of " << value);
      for (const bool on_device : {false, true}) {
        const auto weight = stepped(on_device);
        CATCH_REQUIRE(weight.isfinite().all().item<bool>());
        // Of norm 20 but for the step of 1e-3 times an orthogonal matrix, or of zeros.
        const double norm = weight.to(at::kDouble).norm().item<double>();
        CATCH_CHECK(std::abs(norm - (value == 0 ? 0 : 20)) < 0.3);
      }
    }
  }
}

CATCH_TEST_CASE("weights of one form share batches of bounded size") {
  using Batches = std::vector<std::vector<std::size_t>>;
  const auto of = [](std::vector<std::vector<std::int64_t>> forms) {
    std::vector<at::Tensor> weights;
    for (const auto& form : forms) weights.push_back(at::empty(form));
    return gradus::batches_of_one_form(weights);
  };
  CATCH_CHECK(of({}).empty());
  CATCH_CHECK(of({{4, 2, 3, 3}, {18, 4}, {4, 18}, {4, 2, 9}}) == Batches{{0, 2, 3}, {1}});
  // 2^16 elements: two of 2^15, and one that is larger.
  CATCH_CHECK(of({{128, 256}, {512, 256}, {128, 256}, {128, 256}, {512, 256}}) ==
              Batches{{0, 2}, {1}, {3}, {4}});
}
