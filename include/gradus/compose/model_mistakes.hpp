/// Whether policies fit the model: a sentence that names the policy, the axis and the fix. No torch
/// header is needed here.
#pragma once

#include <gradus/compose/argument_mistakes.hpp>
#include <gradus/compose/policy_set.hpp>
#include <gradus/compose/refusal.hpp>
#include <gradus/compose/slot.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <string_view>
#include <type_traits>

namespace gradus::detail {

template <class Slot, class... Ps>
struct FindPolicy {
  using type = void;
};
template <class Slot, class P, class... Rest>
struct FindPolicy<Slot, P, Rest...>
    : std::conditional_t<std::is_same_v<slot_t<P>, Slot>, std::type_identity<P>,
                         FindPolicy<Slot, Rest...>> {};

/// Whether a task gives the model `batch.input` alone, so that its `forward` is known; other tasks
/// are compiled with the data.
template <class... Ps>
consteval bool gives_one_input() {
  using Task = typename FindPolicy<slot::task, Ps...>::type;
  if constexpr (std::is_void_v<Task>) {
    return true;
  } else {
    return requires { policy_t<Task>::mirrors; };
  }
}

template <class Model, bool OneInput>
consteval Sentence model_mistake() {
  if constexpr (!form_mistake<Model>("model").empty()) {
    return form_mistake<Model>("model");
  } else {
    constexpr auto name = type_name<Model>();
    if constexpr (requires(Model& model, const at::Tensor& input) {
                    typename std::type_identity<decltype(model.forward(input))>;
                  }) {
      return Sentence("model ", name,
                      " of Trainer is a module, not its holder; write TORCH_MODULE(...) after the "
                      "class of the module and give Trainer the holder.");
    } else if constexpr (!requires(Model& model) {
                           *model;
                           model.operator->();
                         }) {
      return Sentence("model ", name,
                      " of Trainer is not a module holder; derive a class from torch::nn::Module, "
                      "write TORCH_MODULE(...) after it and give Trainer the holder.");
    } else if constexpr (!OneInput) {
      return {};
    } else if constexpr (!requires(Model& model, const at::Tensor& input) {
                           typename std::type_identity<decltype(model->forward(input))>;
                         }) {
      return Sentence("model ", name,
                      " of Trainer cannot take a batch; its module needs `at::Tensor "
                      "forward(const at::Tensor& input)`.");
    } else if constexpr (!requires(Model& model, const at::Tensor& input) {
                           requires std::is_same_v<
                               std::remove_cvref_t<decltype(model->forward(input))>, at::Tensor>;
                         }) {
      return Sentence("model ", name,
                      " of Trainer does not return a tensor; its module needs `at::Tensor "
                      "forward(const at::Tensor& input)`.");
    } else {
      return {};
    }
  }
}

/// Policy `P` acts on models by a member that does not take this one.
template <class P, class Model>
consteval Sentence not_taken(std::string_view declaration) {
  Sentence found("policy ", type_name<P>(), " of axis ", P::slot::name, " does not take model ",
                 type_name<Model>(), "; ");
  if constexpr (requires { std::string_view(P::needs); }) {
    return found.append("give the model ").append(P::needs).append(" or leave the policy out.");
  } else {
    return found.append("add `").append(declaration).append("` or leave the policy out.");
  }
}

template <class Model, class Argument>
consteval Sentence on_model_mistake() {
  using P = policy_t<Argument>;
  if constexpr (std::is_same_v<typename P::slot, slot::sharing>) {
    if constexpr (!requires(const P& policy, Model& model) { policy.tie(model); }) {
      return not_taken<P, Model>("void tie(Model& model) const");
    }
  } else if constexpr (std::is_same_v<typename P::slot, slot::initialization>) {
    if constexpr (!requires(const P& policy, Model& model) { policy.initialize(model); }) {
      return not_taken<P, Model>("void initialize(Model& model) const");
    }
  }
  return {};
}

}  // namespace gradus::detail
