/// A model made ready for a run.
#pragma once

#include <gradus/compose/slot.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/train/model/check_parameters.hpp>

#include <ATen/core/grad_mode.h>
#include <c10/core/Device.h>

#include <vector>

namespace gradus {

/// Initializes and ties weights as the policies say, and moves the model to the device and layout.
/// Returns each parameter once. Throws ConfigurationError for one that cannot be trained.
template <class M, class Policies>
std::vector<NamedTensor> prepare_model(M& model, const Policies& policies, c10::Device device) {
  policies.template at<slot::initialization>().initialize(model);
  policies.template at<slot::sharing>().tie(model);
  model->to(device);
  auto parameters = unique_parameters(*model);
  check_trainable(parameters);
  const at::NoGradGuard no_grad;
  for (auto& [name, parameter] : parameters) {
    parameter.set_data(policies.template at<slot::layout>().arrange(parameter));
  }
  return parameters;
}

}  // namespace gradus
