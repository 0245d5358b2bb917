/// What the laws of an axis found: a sentence for each one that a policy breaks.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace gradus::testing {

/// Collects a sentence for each law that a policy breaks; none means that it keeps them all.
class BrokenLaws {
 public:
  /// Notes the law, once, unless it holds. Written as what a good policy does: "it changes no
  /// gradient".
  void law(bool holds, const std::string& what) {
    if (holds) return;
    const bool known = std::find(sentences_.begin(), sentences_.end(), what) != sentences_.end();
    if (!known) sentences_.push_back(what);
  }

  [[nodiscard]] const std::vector<std::string>& sentences() const { return sentences_; }

 private:
  std::vector<std::string> sentences_;
};

}  // namespace gradus::testing
