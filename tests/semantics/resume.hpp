/// A run saved at a step and gone on with, against one that nothing interrupted.
#pragma once

#include "../catch.hpp"
#include "runs.hpp"
#include <gradus/core/state_dict.hpp>

#include <cstdint>

namespace semantics {

/// Saves the state of a trainer after so many windows.
template <class T>
struct SavesAt {
  T* trainer;
  std::int64_t window;
  StateDict state{};
  std::int64_t seen = 0;
  void on(const StepEnd&) {
    if (++seen == window) state = trainer->save_state();
  }
};

template <class T>
StateDict final_state(T& trainer) {
  trainer.fit(noise(20), noise(8));
  return trainer.save_state();
}

inline bool same_bits(const StateDict& a, const StateDict& b) {
  bool same = a.entries().size() == b.entries().size();
  for (std::size_t i = 0; same && i < a.entries().size(); ++i) {
    const auto& [name, tensor] = a.entries()[i];
    same = name == b.entries()[i].name &&
           (name.starts_with("time/") || tensor.equal(b.entries()[i].tensor));
    if (!same) CATCH_WARN("entry " << name << " differs");
  }
  return same;
}

template <class T>
void check_resume(const RunSettings& run) {
  for (const std::int64_t window : {1, 2, 3, 4, 5}) {  // of 3 an epoch
    T whole(small_net(), run);
    SavesAt<T> saver{&whole, window};
    whole.fit(noise(20), noise(8), saver);
    const auto expected = whole.save_state();

    torch::manual_seed(99);
    typename T::policies_type policies;
    policies.template at<slot::loading>().workers = 1;
    T resumed(ResNet10(ResNet10Options{.width = 4}), run, policies);
    resumed.load_state(saver.state);
    CATCH_INFO("saved after window " << window);
    CATCH_CHECK(same_bits(final_state(resumed), expected));
  }
}

}  // namespace semantics
