/// A model that a trial leaves as it was.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/train/model/evaluation_mode.hpp>
#include <gradus/train/model/weight_swap.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <c10/core/Device.h>
#include <torch/nn/module.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace gradus {

/// The random streams of LibTorch on the CPU and on `device`, which resume afterwards where they
/// were.
class KeepRandomStreams {
 public:
  explicit KeepRandomStreams(c10::Device device) : host_(at::detail::getDefaultCPUGenerator()) {
    host_state_ = host_.get_state();
    if (!device.is_cuda()) return;
    device_ = at::globalContext().defaultGenerator(device);
    device_state_ = device_->get_state();
  }
  KeepRandomStreams(const KeepRandomStreams&) = delete;
  KeepRandomStreams& operator=(const KeepRandomStreams&) = delete;
  ~KeepRandomStreams() {
    host_.set_state(host_state_);
    if (device_) device_->set_state(device_state_);
  }

 private:
  at::Generator host_;
  at::Tensor host_state_;
  std::optional<at::Generator> device_;
  at::Tensor device_state_;
};

/// While it lives the model trains copies of its weights and statistics. Afterwards weights,
/// statistics, gradients, ties, mode and random streams are as they were, after an exception too.
class KeepModel {
 public:
  KeepModel(torch::nn::Module& module, c10::Device device)
      : streams_(device),
        mode_(modes_of(module)),
        parameters_(unique_parameters(module)),
        weights_(parameters_, copies(parameters_)),
        statistics_(unique_buffers(module), copies(unique_buffers(module))) {
    for (const auto& parameter : parameters_) {
      gradients_.push_back(parameter.tensor.grad());
      trained_.push_back(parameter.tensor.requires_grad());
      parameter.tensor.mutable_grad().reset();
    }
  }
  KeepModel(const KeepModel&) = delete;
  KeepModel& operator=(const KeepModel&) = delete;
  ~KeepModel() {
    set_modes(mode_);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      parameters_[i].tensor.mutable_grad() = gradients_[i];
      parameters_[i].tensor.requires_grad_(trained_[i]);
    }
  }

 private:
  static std::vector<at::Tensor> copies(const std::vector<NamedTensor>& tensors) {
    std::vector<at::Tensor> list;
    for (const auto& tensor : tensors) list.push_back(tensor.tensor.detach().clone());
    return list;
  }

  KeepRandomStreams streams_;
  ModuleModes mode_;
  std::vector<NamedTensor> parameters_;
  std::vector<at::Tensor> gradients_;
  std::vector<bool> trained_;
  WeightSwap weights_;
  WeightSwap statistics_;
  TiesUndone ties_;
};

}  // namespace gradus
