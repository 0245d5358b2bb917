/// Autocast as a scope: what LibTorch offers in C++ only as loose setters.
#pragma once

#include <ATen/autocast_mode.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace gradus {

/// While it lives, eligible operators on `device` run in `type`. Restores the enabled flag and the
/// type when it ends, by an exception too, and clears the cache of cast weights at the outermost
/// exit, so that no cast weight outlives an optimizer step. Scopes nest. It must not span backward
/// or a step.
class AutocastScope {
 public:
  AutocastScope(c10::DeviceType device, c10::ScalarType type)
      : device_(device),
        enabled_(at::autocast::is_autocast_enabled(device)),
        type_(at::autocast::get_autocast_dtype(device)),
        cache_(at::autocast::is_autocast_cache_enabled()) {
    at::autocast::set_autocast_dtype(device, type);
    at::autocast::set_autocast_enabled(device, true);
    at::autocast::set_autocast_cache_enabled(true);
    at::autocast::increment_nesting();
  }

  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

  ~AutocastScope() {
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_cache_enabled(cache_);
    at::autocast::set_autocast_enabled(device_, enabled_);
    at::autocast::set_autocast_dtype(device_, type_);
  }

 private:
  c10::DeviceType device_;
  bool enabled_;
  c10::ScalarType type_;
  bool cache_;
};

}  // namespace gradus
