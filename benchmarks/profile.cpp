/// Where does the time of a training step go? Runs one `fit` and adds up, for each operator, the
/// time spent in itself and not in the operators that it calls; on a GPU, the time to launch it.
#include "configurations.hpp"
#include "rounds.hpp"
#include <gradus/data/cifar10.hpp>
#include <gradus/device/keep_memory.hpp>
#include <gradus/error.hpp>

#include <ATen/record_function.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

using namespace gradus;

namespace {

struct Operator {
  std::int64_t calls = 0;
  double seconds = 0;
};

/// Of the training thread alone; on the CPU backward passes run in it too.
class Profile {
 public:
  Profile()
      : handle_(at::addThreadLocalCallback(
            at::RecordFunctionCallback(enter, leave)
                .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}))) {
    open().clear();
    operators().clear();
  }
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;
  ~Profile() { at::removeCallback(handle_); }

  static std::unordered_map<std::string, Operator>& operators() {
    static std::unordered_map<std::string, Operator> all;
    return all;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Open {
    Clock::time_point begin;
    double inner = 0;  // seconds in operators that this one called
  };

  static std::vector<Open>& open() {
    thread_local std::vector<Open> stack;
    return stack;
  }
  static std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction&) {
    open().push_back({Clock::now()});
    return nullptr;
  }
  static void leave(const at::RecordFunction& function, at::ObserverContext*) {
    const auto end = Clock::now();
    const auto [begin, inner] = open().back();
    const auto seconds = std::chrono::duration<double>(end - begin).count();
    open().pop_back();
    if (!open().empty()) open().back().inner += seconds;
    auto& self = operators()[function.name()];
    ++self.calls;
    self.seconds += seconds - inner;
  }

  at::CallbackHandle handle_;
};

template <class T>
nlohmann::ordered_json profile_of(const Arguments& arguments) {
  auto result = facts(arguments.number("--threads"));
  const auto data =
      data::read_cifar10(arguments.text("--data")).train.take(arguments.number("--images"));
  torch::manual_seed(0);
  T trainer(ResNet10(ResNet10Options{.width = arguments.number("--width")}),
            {.epochs = 1, .log_every_steps = 1 << 30});
  static_cast<void>(trainer.fit(data));  // warms up
  EpochRecord record;
  double seconds = 0;
  {
    const Profile profile;
    seconds = seconds_of([&] { record = trainer.fit(data).epochs.back(); });
  }
  std::vector<std::pair<std::string, Operator>> operators(Profile::operators().begin(),
                                                          Profile::operators().end());
  std::sort(operators.begin(), operators.end(), [](const auto& left, const auto& right) {
    return left.second.seconds > right.second.seconds;
  });
  result["images"] = record.samples;
  result["optimizer_steps"] = record.optimizer_steps;
  result["seconds"] = seconds;
  result["waiting_seconds"] = record.waiting_seconds;
  auto& list = result["operators"] = nlohmann::ordered_json::array();
  for (const auto& [name, self] : operators) {
    list.push_back({{"name", name}, {"calls", self.calls}, {"seconds", self.seconds}});
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory();
  const Arguments arguments(argc, argv);
  const auto& name = arguments.text("--configuration");
  if (name == "unoptimized") {
    std::cout << dump(profile_of<cifar10::Unoptimized>(arguments)) << std::endl;
  } else if (name == "fastest") {
    std::cout << dump(profile_of<cifar10::Fastest>(arguments)) << std::endl;
  } else {
    throw UsageError("there is no configuration '" + name + "' here; see profile.cpp.");
  }
}
