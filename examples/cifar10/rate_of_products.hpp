/// What a run's rate is a share of.
#pragma once

#include <gradus/compose/slot.hpp>
#include <gradus/device/math_scope.hpp>
#include <gradus/device/out_of_memory.hpp>
#include <gradus/device/product_rate.hpp>

#include <c10/util/Exception.h>

namespace cifar10 {

/// Of matrix products in the precision and with the arithmetic of `trainer`, operations a second.
template <class T>
double rate_of_products(const T& trainer) {
  const auto& run = trainer.run();
  const gradus::MathScope math(run.math);
  const auto& precision = trainer.policies().template at<gradus::slot::precision>();
  try {
    return gradus::product_rate(run.device, precision.choose(run.device).type);
  } catch (const c10::Error& error) {
    if (!gradus::is_out_of_memory(error)) throw;
    return 0;  // not known
  }
}

}  // namespace cifar10
