/// A model's weights and buffers to a file and back.
#pragma once

#include <gradus/checkpoint/run_manifest.hpp>
#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

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
                         std::map<std::string, std::string> metadata = {}) {
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

/// Which tensors of a file go where in a model.
struct LoadPlan {
  std::string file_prefix{};   ///< only names that begin so are looked at, as in "backbone."
  std::string model_prefix{};  ///< takes the place of `file_prefix`; only names that begin so load
  std::vector<std::string> skip{};  ///< names in the model that begin so are left, as in "fc."
  bool partial = false;             ///< what only the file or only the model has is left as it is
  bool convert = false;             ///< to the model's number types
};

/// What became of each tensor, by its name in the model, or, for those left, in the file.
struct LoadReport {
  std::vector<std::string> taken{};
  std::vector<std::string> missing{};  ///< in the model, under `model_prefix`, and not in the file
  std::vector<std::string> left{};     ///< in the file, and not in the model or not looked at
};

namespace detail {

/// The tensors of weights alone, or the weights in a run's checkpoint, by their names.
inline std::map<std::string, at::Tensor> saved_model(const Safetensors& file) {
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
  return saved;
}

/// Throws CheckpointError, which names both forms, unless `saved` can be copied into `own`.
inline void check_form(const std::string& name, const at::Tensor& saved, const at::Tensor& own,
                       bool convert) {
  const bool same_type = saved.scalar_type() == own.scalar_type();
  const bool floating = saved.is_floating_point() && own.is_floating_point();
  if (saved.sizes() == own.sizes() && (same_type || (convert && floating))) return;
  const bool by_type = saved.sizes() == own.sizes() && floating;
  throw CheckpointError(c10::str(
      "tensor '", name, "' of the checkpoint is ", saved.scalar_type(), " ", saved.sizes(),
      ", but the model's is ", own.scalar_type(), " ", own.sizes(),
      by_type ? "; load it with LoadPlan{.convert = true}."
              : "; load it into the configuration and width it came from, or leave it out with "
                "LoadPlan{.skip = {...}}."));
}

}  // namespace detail

/// Copies values of `file` into the model: weights alone, or the weights in a run's checkpoint.
/// Without a plan names, shapes and types must be exactly the model's; a plan takes a part of
/// either, and says what it took. All is checked before anything changes. A tensor that the model
/// has under several names may have any of them in the file, or all with one value. Throws
/// CheckpointError, also if a plan takes nothing at all.
inline LoadReport load_weights(torch::nn::Module& module, const Safetensors& file,
                               const LoadPlan& plan = {}) {
  LoadReport report;
  std::map<std::string, at::Tensor> saved;
  const auto skipped = [&](const std::string& name) {
    return std::any_of(plan.skip.begin(), plan.skip.end(),
                       [&](const std::string& prefix) { return name.starts_with(prefix); });
  };
  for (const auto& [name, tensor] : detail::saved_model(file)) {
    const bool fits = name.starts_with(plan.file_prefix);
    const auto own = fits ? plan.model_prefix + name.substr(plan.file_prefix.size()) : name;
    if (!fits || skipped(own)) {
      report.left.push_back(name);
    } else {
      saved[own] = tensor;
    }
  }
  detail::rename_aliases(module, saved);
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;  // to, from
  for (const auto& [name, tensor] : named_state(module)) {
    const auto found = saved.find(name);
    const bool wanted = name.starts_with(plan.model_prefix) && !skipped(name);
    if (found == saved.end() && !wanted) continue;
    if (found != saved.end()) {
      detail::check_form(name, found->second, tensor, plan.convert);
      copies.emplace_back(tensor, found->second);
      report.taken.push_back(name);
      saved.erase(found);
    } else if (plan.partial) {
      report.missing.push_back(name);
    } else {
      throw CheckpointError("the checkpoint has no tensor '" + name +
                            "', which the model has; load it into the configuration it came from.");
    }
  }
  if (!saved.empty() && !plan.partial) {
    throw CheckpointError("the checkpoint has " + std::to_string(copies.size() + saved.size()) +
                          " tensors, but the model has " + std::to_string(copies.size()) +
                          ", and not '" + saved.begin()->first +
                          "'; load it into the configuration it came from.");
  }
  for (const auto& [name, tensor] : saved) {
    const bool own = name.starts_with(plan.model_prefix);  // but not one of several names
    report.left.push_back(own ? plan.file_prefix + name.substr(plan.model_prefix.size()) : name);
  }
  if (copies.empty()) {
    throw CheckpointError("no tensor of the checkpoint has a name of the model's" +
                          (plan.file_prefix.empty() ? "" : " behind '" + plan.file_prefix + "'") +
                          "; look at the names of both, and set LoadPlan's prefixes.");
  }
  for (auto& [to, from] : copies) copy_values(to, from);
  return report;
}

/// Likewise, of the file at `path`. Throws CheckpointError for one that is damaged or not there.
inline LoadReport load_weights(torch::nn::Module& module, const std::filesystem::path& path,
                               const LoadPlan& plan = {}) {
  return load_weights(module, read_safetensors(path), plan);
}

}  // namespace gradus
