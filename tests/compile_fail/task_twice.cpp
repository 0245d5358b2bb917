// expects: policies One and Two both fill axis task; keep one of them.
#include "mini.hpp"

struct TaskResult;
struct One {
  using slot = slot::task;
  static constexpr std::string_view name = "One";
  static constexpr auto fields() { return no_fields; }
  TaskResult forward(auto& model, const Batch& batch, const auto& loss) const;
};
struct Two {
  using slot = slot::task;
  static constexpr std::string_view name = "Two";
  static constexpr auto fields() { return no_fields; }
  TaskResult forward(auto& model, const Batch& batch, const auto& loss) const;
};

Trainer<Net, One, Two> trainer;
