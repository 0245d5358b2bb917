#include "catch.hpp"
#include <gradus/policy/precision/float32.hpp>
#include <gradus/policy/precision/mixed.hpp>

#include <limits>

using gradus::AutocastScope;
using gradus::GradScaler;

CATCH_TEST_CASE(
    "an autocast scope computes in its type and restores everything, nested and thrown") {
  const auto x = torch::ones({2, 2});
  const auto type_of_product = [&] { return torch::mm(x, x).scalar_type(); };
  const auto type_before = at::autocast::get_autocast_dtype(c10::kCPU);
  try {
    const AutocastScope outer(c10::kCPU, c10::kBFloat16);
    CATCH_CHECK(type_of_product() == c10::kBFloat16);
    {
      const AutocastScope inner(c10::kCPU, c10::kHalf);
      CATCH_CHECK(type_of_product() == c10::kHalf);
    }
    CATCH_CHECK(type_of_product() == c10::kBFloat16);
    throw std::runtime_error("out");
  } catch (const std::runtime_error&) {
  }
  CATCH_CHECK(type_of_product() == c10::kFloat);
  CATCH_CHECK_FALSE(at::autocast::is_autocast_enabled(c10::kCPU));
  CATCH_CHECK(at::autocast::get_autocast_dtype(c10::kCPU) == type_before);
}

CATCH_TEST_CASE("a cast weight does not outlive the outermost scope") {
  auto weight = torch::ones({2, 2}).requires_grad_();
  const auto x = torch::ones({2, 2});
  const auto product = [&] {
    const AutocastScope scope(c10::kCPU, c10::kBFloat16);
    return torch::mm(x, weight).sum().item<float>();
  };
  CATCH_CHECK(product() == 8);
  weight.set_data(torch::full({2, 2}, 2.0F));
  CATCH_CHECK(product() == 16);
}

CATCH_TEST_CASE("the scaler unscales what it scaled, and halves its scale after an infinity") {
  GradScaler scaler({.initial_scale = 1024, .growth_interval = 2}, c10::kCPU);
  CATCH_CHECK(scaler.scale(torch::tensor(2.0F)).item<float>() == 2048);

  std::vector<at::Tensor> gradients{torch::full({3}, 1024.0F), torch::full({2}, 512.0F)};
  scaler.unscale(gradients);
  CATCH_CHECK_FALSE(scaler.found_inf());
  CATCH_CHECK(torch::equal(gradients[0], torch::ones({3})));
  CATCH_CHECK(torch::equal(gradients[1], torch::full({2}, 0.5F)));
  scaler.update();
  CATCH_CHECK(scaler.current_scale().item<float>() == 1024);

  gradients[1][0] = std::numeric_limits<float>::infinity();
  scaler.unscale(gradients);
  CATCH_CHECK(scaler.found_inf());
  scaler.update();
  CATCH_CHECK(scaler.current_scale().item<float>() == 512);

  for (int window = 0; window < 2; ++window) {  // growth_interval finite windows
    gradients = {torch::ones({1})};
    scaler.unscale(gradients);
    scaler.update();
  }
  CATCH_CHECK(scaler.current_scale().item<float>() == 1024);
}

CATCH_TEST_CASE("Mixed takes what the device has natively, can be pinned, and says why") {
  const auto choice = gradus::Mixed{}.choose(c10::kCPU);
  CATCH_CHECK(choice.type ==
              (gradus::has_native_bfloat16(c10::kCPU) ? c10::kBFloat16 : c10::kFloat));
  CATCH_CHECK_FALSE(choice.reason.empty());
  CATCH_CHECK_FALSE(choice.scaled);
  const auto pinned = gradus::Mixed{.type = gradus::MixedType::float16};
  CATCH_CHECK(pinned.choose(c10::kCPU).scaled);
  auto state = pinned.start(c10::kCPU);
  CATCH_CHECK(pinned.scaler(state) != nullptr);
  auto unscaled = gradus::Mixed{.type = gradus::MixedType::bfloat16}.start(c10::kCPU);
  CATCH_CHECK(gradus::Mixed{}.scaler(unscaled) == nullptr);
}

CATCH_TEST_CASE("Mixed refuses a scaler where it does not choose float16") {
  const bool native = gradus::has_native_bfloat16(c10::kCPU);
  const auto asked = gradus::Mixed{.scaling = gradus::Scaling::on};
  CATCH_CHECK_THROWS_WITH(asked.choose(c10::kCPU),
                          Catch::Matchers::ContainsSubstring(
                              std::string("precision.scaling is on, but Mixed chooses ") +
                              (native ? "bfloat16" : "float32") + " on cpu"));
  CATCH_CHECK_THROWS_AS(asked.start(c10::kCPU), gradus::ConfigurationError);
  const auto pinned =
      gradus::Mixed{.type = gradus::MixedType::float16, .scaling = gradus::Scaling::on};
  CATCH_CHECK(pinned.choose(c10::kCPU).scaled);
}

CATCH_TEST_CASE(
    "the scale grows no further than float32 goes, and shrinks no further than its inverse") {
  GradScaler large({.initial_scale = 3e38, .growth_interval = 1}, c10::kCPU);
  large.unscale({torch::ones({1})});
  large.update();
  CATCH_CHECK(large.current_scale().item<float>() == 3e38F);

  GradScaler small({.initial_scale = 1e-37}, c10::kCPU);
  for (int window = 0; window < 10; ++window) {
    small.unscale({torch::full({1}, std::numeric_limits<float>::infinity())});
    CATCH_CHECK(small.found_inf());
    small.update();
  }
  CATCH_CHECK(small.current_scale().item<float>() == std::numeric_limits<float>::min());
  const std::vector<at::Tensor> gradients{torch::zeros({1})};  // of a loss that vanished
  small.unscale(gradients);
  CATCH_CHECK(gradients[0].item<float>() == 0);  // today NaN, and found_inf() is false
}
