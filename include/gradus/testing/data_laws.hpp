/// Laws of the axes that prepare data: accumulation, loading, augmentation, layout, resolution.
#pragma once

#include <gradus/policy/accumulation/concept.hpp>
#include <gradus/policy/augmentation/concept.hpp>
#include <gradus/policy/layout/concept.hpp>
#include <gradus/policy/loading/concept.hpp>
#include <gradus/policy/resolution/concept.hpp>
#include <gradus/policy/sampling/concept.hpp>
#include <gradus/testing/common_laws.hpp>

#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace gradus::testing {

/// The laws of one axis, chosen by its tag: adds to `laws` what the policy breaks. Each axis has an
/// overload.
template <class P>
void axis_laws(slot::accumulation, BrokenLaws& laws, const P& policy) {
  laws.law(policy.micro_batches() >= 1, "a step has at least one micro-batch");
  laws.law(policy.micro_batches() == policy.micro_batches(), "every step has as many");
}

template <class P>
void axis_laws(slot::loading, BrokenLaws& laws, const P& policy) {
  const auto plan = policy.plan();
  laws.law(plan.batch_size >= 1, "a batch has at least one sample");
  laws.law(plan.workers >= 0, "there are no fewer than 0 workers");
  laws.law(plan.prefetch >= 1, "at least one batch is ready ahead");
  laws.law(plan.timeout_seconds > 0, "a batch has time to come");
  laws.law(!ResidentLoading<P> || plan.most_device_bytes > 0,
           "a resident set may take some memory");
  laws.law(policy.plan().batch_size == plan.batch_size, "the plan never changes");
}

template <class P>
void axis_laws(slot::sampling, BrokenLaws& laws, const P& policy) {
  for (const std::int64_t size : {1, 2, 7, 100}) {
    std::vector<std::int64_t> classes;
    std::vector<double> weights;
    for (std::int64_t i = 0; i < size; ++i) {
      classes.push_back(i % 3 * (i % 5));
      weights.push_back(1.0 / static_cast<double>(1 + i));
    }
    SampleDraw draw{.size = size, .seed = 5, .classes = classes, .weights = weights};
    for (draw.pass = 0; draw.pass < 3; ++draw.pass) {
      const auto order = policy.order(draw);
      laws.law(std::ssize(order) == size, "a pass visits as many samples as the set has");
      laws.law(std::ranges::all_of(order, [&](auto i) { return i >= 0 && i < size; }),
               "each index is one of the set");
      laws.law(policy.order(draw) == order, "the order is a pure function of the draw");
    }
  }
}

template <class P>
void axis_laws(slot::augmentation, BrokenLaws& laws, const P& policy) {
  const auto equal = [](const ImageTransform& a, const ImageTransform& b) {
    return a.dx == b.dx && a.dy == b.dy && a.flip == b.flip && a.erased.top == b.erased.top &&
           a.erased.left == b.erased.left && a.erased.height == b.erased.height &&
           a.erased.width == b.erased.width && a.padding_mode == b.padding_mode;
  };
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    for (std::int64_t index = 0; index < 200; ++index) {
      const SampleKey key{.seed = 5, .epoch = epoch, .index = index};
      const auto drawn = policy.draw(key);
      laws.law(equal(drawn, policy.draw(key)), "the transform is a pure function of the key");
      laws.law(P::varies || equal(drawn, {}), "it says that it varies, or leaves images alone");
      laws.law(std::abs(drawn.dx) <= 16 && std::abs(drawn.dy) <= 16,
               "a shift leaves some of a 32 x 32 image to see");
    }
  }
}

template <class P>
void axis_laws(slot::layout, BrokenLaws& laws, const P& policy) {
  for (const auto& sizes : {std::vector<std::int64_t>{4, 3, 6, 5}, {2, 7}, {9}, {}}) {
    const auto tensor = torch::rand(sizes);
    const auto arranged = policy.arrange(tensor);
    laws.law(arranged.sizes() == tensor.sizes(), "the shape stays");
    laws.law(arranged.equal(tensor), "the values stay");
    laws.law(policy.arrange(arranged).strides() == arranged.strides(),
             "what is arranged already stays as it is");
  }
}

template <class P>
void axis_laws(slot::resolution, BrokenLaws& laws, const P& policy) {
  const auto images = torch::rand({2, 3, 32, 32});
  std::int64_t side = 0;
  for (int tenth = 0; tenth < 10; ++tenth) {
    const auto resized = policy.resize(images, tenth / 10.0);
    laws.law(resized.dim() == 4 && resized.size(0) == 2 && resized.size(1) == 3,
             "samples and channels stay");
    laws.law(resized.size(2) <= 32 && resized.size(3) <= 32, "no image grows over its full size");
    laws.law(resized.size(2) >= side, "images do not shrink as the run continues");
    laws.law(resized.isfinite().all().template item<bool>(), "pixels stay finite");
    side = resized.size(2);
  }
  laws.law(policy.resize(images, 1 - 1e-9).size(2) == 32, "the last steps see full images");
}

}  // namespace gradus::testing
