// expects: policy Replayed of axis execution has a wrong `Backend`; declare it `using Backend =
// ...;` with a type that meets `gradus::GraphBackend`.
#include "mini.hpp"
#include <gradus/policy/execution/captured_step.hpp>

struct Recorder {
  struct Graph {};
  static std::string obstacle(const c10::Device&);
  explicit Recorder(const c10::Device&);
  template <class Work>
  void on_side_stream(Work&& work);
  template <class Work>
  Graph capture(Work&& work);
};

struct Replayed {
  using slot = slot::execution;
  static constexpr std::string_view name = "Replayed";
  static constexpr bool captures = true;
  using Backend = Recorder;
  static constexpr auto fields() { return no_fields; }
  CapturePlan plan() const;
};

Trainer<Net, Replayed> trainer;
