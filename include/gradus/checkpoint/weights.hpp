/// A model's weights and buffers to a file and back.
#pragma once

#include <gradus/checkpoint/run_manifest.hpp>
#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/core/parameters.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <utility>

namespace gradus {

/// Parameters (a shared one once) and buffers, in order of registration.
inline std::vector<NamedTensor> named_state(const torch::nn::Module& module) {
  auto state = unique_parameters(module);
  const auto buffers = unique_buffers(module);
  state.insert(state.end(), buffers.begin(), buffers.end());
  return state;
}

/// Writes the model's state. Throws ResourceError.
inline void save_weights(const torch::nn::Module& module, const std::filesystem::path& path,
                         std::map<std::string, std::string> metadata) {
  write_safetensors(path, {std::move(metadata), named_state(module)});
}

/// Copies the values of `file` into the model: weights alone, or those that the model of a run has
/// come to. Names, shapes and types must be exactly the model's, and all is checked before anything
/// changes. Throws CheckpointError.
inline void load_weights(torch::nn::Module& module, const Safetensors& file) {
  const auto state = named_state(module);
  const bool run = holds_run(file);
  if (run) static_cast<void>(run_manifest(file, "the checkpoint"));  // of a format that is known
  std::map<std::string, at::Tensor> saved;
  for (const auto& [name, tensor] : file.tensors) {
    const bool part = name.starts_with("parameter/") || name.starts_with("buffer/");
    if (!run) {
      saved[name] = tensor;
    } else if (part) {
      saved[name.substr(name.find('/') + 1)] = tensor;
    }
  }
  for (const auto& [name, tensor] : state) {
    const auto found = saved.find(name);
    if (found == saved.end()) {
      throw CheckpointError("the checkpoint has no tensor '" + name +
                            "', which the model has; load it into the configuration it came from.");
    }
    if (found->second.sizes() != tensor.sizes() ||
        found->second.scalar_type() != tensor.scalar_type()) {
      throw CheckpointError("tensor '" + name +
                            "' of the checkpoint has another shape or type than "
                            "the model's; load it into the configuration and width it came from.");
    }
  }
  if (saved.size() != state.size()) {
    throw CheckpointError("the checkpoint has " + std::to_string(saved.size()) +
                          " tensors, but the model has " + std::to_string(state.size()) +
                          "; load it into the configuration it came from.");
  }
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state) tensor.detach().copy_(saved.at(name));
}

}  // namespace gradus
