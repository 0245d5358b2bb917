#include "rounds.hpp"

#include "gradus_build_info.hpp"
#include <gradus/device/device.hpp>
#include <gradus/error.hpp>
#include <gradus/version.hpp>

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <fstream>

Arguments::Arguments(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) values_[argv[i]] = argv[i + 1];
}

const std::string& Arguments::text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found != values_.end()) return found->second;
  throw gradus::UsageError(name + " is missing; give `" + name + " VALUE`.");
}

std::int64_t Arguments::number(const std::string& name) const { return std::stoll(text(name)); }

nlohmann::ordered_json facts(std::int64_t threads) {
  at::set_num_threads(static_cast<int>(threads));
  const auto device = gradus::default_device();
  return {{"gradus", std::string(gradus::version)},
          {"libtorch", TORCH_VERSION},
          {"commit", gradus_build_info::commit},
          {"compiler", gradus_build_info::compiler},
          {"flags", gradus_build_info::flags},
          {"processor", gradus::processor_name()},
          {"device", device.str()},
          {"native_bfloat16", gradus::has_native_bfloat16(device)},
          {"threads", at::get_num_threads()}};
}

double peak_mebibytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}
