// A run that is to be killed: `durable_run FOLDER`. It resumes what it finds there, saves
// after every step, and prints a checksum of the weights it ends with.
#include "../semantics/runs.hpp"
#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/checkpoint/weights.hpp>
#include <gradus/core/stop_request.hpp>
#include <gradus/files/crc32c.hpp>
#include <gradus/observe/metrics.hpp>

#include <exception>
#include <filesystem>
#include <iostream>

using namespace gradus;
using namespace semantics;

namespace {

std::uint32_t checksum(const torch::nn::Module& module) {
  std::uint32_t sum = 0;
  for (const auto& [name, tensor] : named_state(module)) {
    const auto plain = tensor.detach().contiguous();
    sum = crc32c({static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()}, sum);
  }
  return sum;
}

void run(const std::filesystem::path& folder) {
  at::set_num_threads(1);
  const auto train = noise(20);
  Everything trainer(small_net(), two_epochs);
  Checkpoints checkpoints(trainer, folder / "checkpoints",
                          {.every_steps = 1,
                           .files = {folder / "metrics.jsonl"},
                           .announce = [](const std::string& line) { std::cerr << line << '\n'; }});
  const auto test = noise(8);
  checkpoints.resume(train, test);
  observe::MetricsFile metrics(folder / "metrics.jsonl");
  trainer.fit(train, test, metrics, checkpoints);
  std::cout << hexadecimal(checksum(*trainer.model())) << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return static_cast<int>(ExitCode::usage);
  try {
    run(argv[1]);
    return 0;
  } catch (const Error& error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
