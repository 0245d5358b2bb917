/// gradus-cifar10: ResNet10 on CIFAR-10, unoptimized and optimized, side by side.
#include "command_line.hpp"
#include "commands.hpp"
#include <gradus/core/error.hpp>

#include <c10/util/Exception.h>

#include <exception>
#include <iostream>
#include <map>
#include <new>
#include <string>

namespace {

using gradus::ExitCode;

void run(int argc, char** argv) {
  const auto request = cifar10::read_command_line(argc, argv);
  if (!request) return;
  static const std::map<std::string, void (*)(cifar10::Options)> commands{
      {"compare", cifar10::compare},   {"ablate", cifar10::ablate_configuration},
      {"train", cifar10::train},       {"evaluate", cifar10::evaluate},
      {"describe", cifar10::describe}, {"selfcheck", cifar10::selfcheck}};
  commands.at(request->command)(request->options);
}

int fail(ExitCode code, const std::string& sentence) {
  std::cerr << "gradus-cifar10: " << sentence << '\n';
  return static_cast<int>(code);
}

int out_of_memory(const std::string& cause) {
  return fail(ExitCode::resource,
              "memory ran out; take smaller batches or a smaller width." + cause);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
    return static_cast<int>(ExitCode::done);
  } catch (const gradus::Error& error) {
    return fail(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return out_of_memory("");
  } catch (const c10::OutOfMemoryError& error) {
    return out_of_memory(std::string(" ") + error.what_without_backtrace());
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (what.find("allocate memory") != std::string::npos) return out_of_memory(" " + what);
    return fail(ExitCode::internal, what);
  } catch (const std::exception& error) {
    return fail(ExitCode::internal, error.what());
  }
}
