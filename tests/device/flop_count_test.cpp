#include "catch.hpp"
#include <gradus/device/flop_count.hpp>
#include <gradus/device/product_rate.hpp>
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/kernels/fast_convolutions.hpp>

#include <ATen/ThreadLocalState.h>
#include <torch/torch.h>

#include <thread>

using gradus::FlopCount;

namespace {

template <class Run>
double flops_of(const Run& run) {
  const FlopCount count;
  run();
  return count.total();
}

}  // namespace

CATCH_TEST_CASE("products, convolutions and attention count two operations a multiplication") {
  const auto a = torch::rand({3, 4}), b = torch::rand({4, 5}), c = torch::rand({3, 5});
  CATCH_CHECK(flops_of([&] { at::mm(a, b); }) == 2 * 3 * 4 * 5);
  CATCH_CHECK(flops_of([&] { at::addmm(c, a, b); }) == 2 * 3 * 4 * 5);
  CATCH_CHECK(flops_of([&] { at::addbmm(c, a.expand({2, 3, 4}), b.expand({2, 4, 5})); }) ==
              2 * 2 * 3 * 4 * 5);
  CATCH_CHECK(flops_of([&] { c.clone().addmm_(a, b); }) == 2 * 3 * 4 * 5);
  CATCH_CHECK(flops_of([&] { at::matmul(a.unsqueeze(0), b); }) == 2 * 3 * 4 * 5);
  CATCH_CHECK(flops_of([&] { at::dot(a[0], a[1]); }) == 2 * 4);
  CATCH_CHECK(flops_of([&] { torch::nn::Linear(4, 5)(torch::rand({2, 3, 4})); }) == 2 * 6 * 4 * 5);
  CATCH_CHECK(flops_of([&] { at::einsum("bij,bjk->bik", {a.unsqueeze(0), b.unsqueeze(0)}); }) ==
              2 * 3 * 4 * 5);
  // 7 x 5 with a border of 1 and stride 2 makes 4 x 3; two groups of 2 channels.
  const auto x = torch::rand({2, 4, 7, 5}), w = torch::rand({6, 2, 3, 3});
  CATCH_CHECK(flops_of([&] { at::conv2d(x, w, {}, 2, 1, 1, 2); }) ==
              2 * (2 * 6 * 4 * 3) * (2 * 3 * 3));
  CATCH_CHECK(flops_of([&] { at::conv1d(x[0], torch::rand({6, 7, 3})); }) ==
              2 * (4 * 6 * 3) * (7 * 3));
  CATCH_CHECK(flops_of([&] { at::conv_transpose2d(x, torch::rand({4, 6, 2, 2}), {}, 2); }) ==
              2 * (2 * 4 * 7 * 5) * (6 * 2 * 2));
  const auto q = torch::rand({2, 3, 5, 8}), k = torch::rand({2, 3, 7, 8});
  CATCH_CHECK(flops_of([&] {
                at::scaled_dot_product_attention(q, k, torch::rand({2, 3, 7, 6}));
              }) == 2 * 6 * (5 * 7 * 8 + 5 * 7 * 6));
  CATCH_CHECK(
      flops_of([&] { torch::batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false).relu(); }) == 0);
}

CATCH_TEST_CASE(
    "threads that LibTorch tells of the count, as those of a backward pass, add nothing") {
  const auto a = torch::rand({3, 3});
  const FlopCount count;
  const at::ThreadLocalState here;
  std::thread([&] {
    const at::ThreadLocalStateGuard guard(here);
    at::mm(a, a);
  }).join();
  CATCH_CHECK(count.total() == 0);
}

CATCH_TEST_CASE("counts nest, end with their scope and are of one thread") {
  const auto a = torch::rand({3, 3});
  const FlopCount outer;
  at::mm(a, a);
  CATCH_CHECK(flops_of([&] { at::mm(a, a); }) == 54);
  std::thread([&] { at::mm(a, a); }).join();
  at::mm(a, a);
  CATCH_CHECK(outer.total() == 2 * 54);
}

CATCH_TEST_CASE("a convolution counts the same whatever computes it, also while ways are tried") {
  gradus::ResNet10 net(gradus::ResNet10Options{.width = 4});
  const auto x = torch::rand({2, 3, 32, 32});
  const auto forward = [&] { net->forward(x); };
  const double expected = flops_of(forward);
  CATCH_CHECK(expected > 2 * 2 * 1e6);
  const gradus::FastConvolutions kernels;
  const auto state = kernels.start(c10::kCPU);
  for (int again = 0; again < 2; ++again) {
    CATCH_CHECK(flops_of([&] {
                  const auto scope = kernels.kernel_scope(state);
                  forward();
                }) == expected);
  }
}

CATCH_TEST_CASE("the rate of products is measured without touching the program's random numbers") {
  torch::manual_seed(3);
  const auto expected = torch::rand({4});
  torch::manual_seed(3);
  CATCH_CHECK(gradus::product_rate(c10::kCPU, c10::kFloat) > 1e8);
  CATCH_CHECK(torch::rand({4}).equal(expected));
}
