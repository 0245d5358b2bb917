/// What a run's rate is a share of.
#pragma once

#include <gradus/compose/slot.hpp>
#include <gradus/device/math_scope.hpp>
#include <gradus/device/product_rate.hpp>

namespace cifar10 {

/// Of matrix products in the precision and with the arithmetic of `trainer`, operations a second.
template <class T>
double rate_of_products(const T& trainer) {
  const auto& run = trainer.run();
  const gradus::MathScope math(run.math);
  const auto& precision = trainer.policies().template at<gradus::slot::precision>();
  return gradus::product_rate(run.device, precision.choose(run.device).type);
}

}  // namespace cifar10
