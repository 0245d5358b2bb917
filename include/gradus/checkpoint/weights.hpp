/// A model's weights and buffers to a file and back.
#pragma once

#include <gradus/checkpoint/run_manifest.hpp>
#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>

#include <cstring>
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

/// Throws CheckpointError for one of a type that the format does not have.
inline void check_savable(const std::vector<NamedTensor>& state) {
  for (const auto& [name, tensor] : state) {
    if (detail::type_of(tensor) != nullptr) continue;
    throw CheckpointError("'" + name + "' of the model is " +
                          c10::str(tensor.scalar_type(), ", ", tensor.layout()) +
                          ", which safetensors files cannot hold; keep it as another type, or out "
                          "of the model's parameters and buffers.");
  }
}

/// Writes the model's state. Throws ResourceError, and CheckpointError for a type that the format
/// does not have.
inline void save_weights(const torch::nn::Module& module, const std::filesystem::path& path,
                         std::map<std::string, std::string> metadata) {
  write_safetensors(path, {std::move(metadata), named_state(module)});
}

namespace detail {

/// Whether shape, type and bits of two dense tensors on the CPU are the same.
[[nodiscard]] inline bool same_values(const at::Tensor& one, const at::Tensor& other) {
  return one.sizes() == other.sizes() && one.scalar_type() == other.scalar_type() &&
         std::memcmp(one.const_data_ptr(), other.const_data_ptr(), one.nbytes()) == 0;
}

/// Gives what was saved under a further name of a model's tensor the first one, which
/// `named_state` has. Throws CheckpointError if two names of one tensor have two values.
inline void rename_aliases(const torch::nn::Module& module,
                           std::map<std::string, at::Tensor>& saved) {
  std::map<const c10::TensorImpl*, std::string> first_name;
  const auto look = [&](const auto& names) {
    for (const auto& item : names) {
      if (!item.value().defined()) continue;
      const auto [first, is_new] =
          first_name.emplace(item.value().unsafeGetTensorImpl(), item.key());
      const auto alias = is_new ? saved.end() : saved.find(item.key());
      if (alias == saved.end()) continue;
      const auto [kept, is_only] = saved.emplace(first->second, alias->second);
      if (!is_only && !same_values(kept->second, alias->second)) {
        throw CheckpointError("the checkpoint has two values for '" + first->second + "' and '" +
                              item.key() +
                              "', which are one tensor in the model; take that tie apart, or load "
                              "it into the configuration it came from.");
      }
      saved.erase(item.key());
    }
  };
  look(module.named_parameters());
  look(module.named_buffers());
}

}  // namespace detail

/// Copies the values of `file` into the model: weights alone, or those that the model of a run has
/// come to. Names, shapes and types must be exactly the model's, and all is checked before anything
/// changes. A tensor that the model has under several names may have any of them in the file, or
/// all with one value. Throws CheckpointError.
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
  detail::rename_aliases(module, saved);
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
  for (auto [name, tensor] : state) copy_values(tensor, saved.at(name));
}

}  // namespace gradus
