/// gradus-cifar10: ResNet10 on CIFAR-10, unoptimized and optimized, side by side.
#include "command_line.hpp"
#include "commands.hpp"
#include "failure.hpp"
#include "processes.hpp"
#include <gradus/error.hpp>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <string>

namespace {

using gradus::ExitCode;

int run(int argc, char** argv) {
  const auto request = cifar10::read_command_line(argc, argv);
  if (!request) return 0;
  const auto& options = request->options;
  if (options.processes > 1 && !options.is_started) {
    return cifar10::run_processes(options.processes, argv, request->command == "train");
  }
  static const std::map<std::string, void (*)(cifar10::Options)> commands{
      {"compare", cifar10::compare},
      {"ablate", cifar10::ablate_configuration},
      {"train", cifar10::train},
      {"evaluate", cifar10::evaluate},
      {"export", cifar10::export_checkpoint},
      {"describe", cifar10::describe},
      {"selfcheck", cifar10::selfcheck}};
  commands.at(request->command)(request->options);
  return static_cast<int>(ExitCode::done);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int code = run(argc, argv);
    cifar10::check_output();
    return code;
  } catch (...) {
    const auto failure = cifar10::failure_of(std::current_exception());
    std::cerr << "gradus-cifar10: " << failure.sentence << std::endl;
    if (failure.device_lost)
      std::_Exit(static_cast<int>(failure.code));  // destructors would call it
    return static_cast<int>(failure.code);
  }
}
