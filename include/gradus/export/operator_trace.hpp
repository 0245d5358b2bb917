/// The operators of LibTorch that a piece of code calls, with the tensors that they share.
#pragma once

#include <gradus/export/traced_call.hpp>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DispatchKey.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Records what `run` calls in this thread, without gradients, between `inputs` and the tensors
/// that it returns. Memory that is written by its pointer is found by its values when it is next
/// read: it then has a new number without a maker.
class OperatorTrace {
 public:
  using Tensors = std::vector<at::Tensor>;
  /// What runs while it is excluded is not recorded. LibTorch has it for Python's fake tensors, and
  /// no kernels of its own there.
  static constexpr auto key = c10::DispatchKey::Fake;

  template <class Run>
  OperatorTrace(const Tensors& inputs, const Run& run) {
    register_once();
    const at::NoGradGuard no_grad;
    const at::AutoDispatchBelowADInplaceOrView below;  // operators as they are called, undivided
    const c10::impl::IncludeDispatchKeyGuard recorded(key);
    for (const auto& input : inputs) inputs_.push_back(number_of(input));
    auto* const outer = std::exchange(current(), this);
    Tensors outputs;
    try {
      outputs = run();
    } catch (...) {
      current() = outer;
      throw;
    }
    current() = outer;
    for (const auto& output : outputs) outputs_.push_back(number_of(output));
  }
  OperatorTrace(const OperatorTrace&) = delete;
  OperatorTrace& operator=(const OperatorTrace&) = delete;

  [[nodiscard]] const std::vector<TracedCall>& calls() const { return calls_; }
  [[nodiscard]] const std::vector<TracedTensor>& tensors() const { return tensors_; }
  /// Numbers of tensors.
  [[nodiscard]] const std::vector<std::size_t>& inputs() const { return inputs_; }
  [[nodiscard]] const std::vector<std::size_t>& outputs() const { return outputs_; }

 private:
  static OperatorTrace*& current() {
    thread_local OperatorTrace* trace = nullptr;
    return trace;
  }

  /// For as long as the process lives; without a trace the operators are LibTorch's.
  static void register_once() {
    [[maybe_unused]] static const auto& registered =
        (new torch::Library(torch::Library::IMPL, "_", key, __FILE__, __LINE__))
            ->fallback(torch::CppFunction::makeFromBoxedFunction<&OperatorTrace::call>());
  }

  static void call(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                   torch::jit::Stack* stack) {
    const auto run = [&] {
      const c10::impl::ExcludeDispatchKeyGuard inner(key);
      op.redispatchBoxed(keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, key), stack);
    };
    current() == nullptr ? run() : current()->record(op, *stack, run);
  }

  template <class Run>
  void record(const c10::OperatorHandle& op, torch::jit::Stack& stack, const Run& run) {
    const auto& schema = op.schema();
    TracedCall call{.name = c10::toString(op.operator_name()),
                    .arguments = {},
                    .results = {},
                    .returns = !schema.returns().empty()};
    std::vector<at::Tensor> written;
    const auto first = stack.size() - schema.arguments().size();
    for (std::size_t i = 0; i < schema.arguments().size(); ++i) {
      const auto& value = stack[first + i];
      call.arguments.push_back(argument_of(value));
      const auto* alias = schema.arguments()[i].alias_info();
      if (alias != nullptr && alias->isWrite()) {
        for (const auto& tensor : tensors_in(value)) {
          keep_before_write(tensor);
          written.push_back(tensor);
        }
      }
    }
    run();
    for (const auto& tensor : written) {
      renumber(numbers_.at(tensor.unsafeGetTensorImpl()), tensor, calls_.size());
    }
    for (std::size_t i = stack.size() - schema.returns().size(); i < stack.size(); ++i) {
      for (const auto& tensor : tensors_in(stack[i])) {
        const auto [known, is_new] = numbers_.try_emplace(tensor.unsafeGetTensorImpl(), 0);
        if (is_new) {
          if (is_unwritten(call)) fill_unwritten(tensor);
          known->second = add(tensor, calls_.size());
        }
        call.results.push_back(known->second);
      }
    }
    if (!call.returns) {
      for (const auto& tensor : written) {
        call.results.push_back(numbers_.at(tensor.unsafeGetTensorImpl()));
      }
    }
    calls_.push_back(std::move(call));
  }

  /// The number of `tensor` as it is now; a new one for a tensor that no operator has seen, and for
  /// one whose values are not those that its number stands for.
  std::size_t number_of(const at::Tensor& tensor) {
    if (!tensor.defined()) return TracedArgument::none;
    const auto [known, is_new] = numbers_.try_emplace(tensor.unsafeGetTensorImpl(), 0);
    if (is_new) {
      const auto twin = twin_of(tensor);
      if (!twin) return known->second = add(tensor, std::nullopt);
      known->second = *twin;
      twins_.push_back(tensor);
    }
    const auto number = known->second;
    const auto& seen = tensors_[number];
    if (seen.is_stale || seen.fingerprint == fingerprint_now(tensor)) return number;
    return renumber(number, tensor, std::nullopt);
  }

  static std::uint32_t fingerprint_now(const at::Tensor& tensor) {
    const c10::impl::ExcludeDispatchKeyGuard unseen(key);
    return fingerprint_of_values(tensor);
  }

  /// Memory with arbitrary values gets some that nobody writes, so that it shows who has written.
  static void fill_unwritten(const at::Tensor& tensor) {
    constexpr int unlikely = 0xA5;
    if (!tensor.is_cpu() || tensor.layout() != at::kStrided) return;
    const auto& storage = tensor.storage();
    if (storage.nbytes() > 0) std::memset(storage.mutable_data(), unlikely, storage.nbytes());
  }

  /// A tensor over the same values, of which this one is a handle that no operator has made, as
  /// `torch::zeros` and `data()` return them.
  [[nodiscard]] std::optional<std::size_t> twin_of(const at::Tensor& tensor) const {
    for (auto number = tensors_.size(); number-- > 0;) {
      const auto& known = tensors_[number];
      if (!known.is_stale && known.tensor.is_alias_of(tensor) &&
          known.tensor.const_data_ptr() == tensor.const_data_ptr() &&
          known.tensor.sizes() == tensor.sizes() && known.tensor.strides() == tensor.strides() &&
          known.tensor.scalar_type() == tensor.scalar_type()) {
        return number;
      }
    }
    return std::nullopt;
  }

  std::size_t add(const at::Tensor& tensor, std::optional<std::size_t> maker) {
    tensors_.push_back({tensor, tensor.sizes().vec(), maker, fingerprint_now(tensor)});
    return tensors_.size() - 1;
  }

  TracedArgument argument_of(const c10::IValue& value) {
    TracedArgument argument;
    argument.is_list = value.isTensorList() || value.isOptionalTensorList();
    if (!value.isTensor() && !argument.is_list) {
      argument.value = value;
      return argument;
    }
    for (const auto& tensor : tensors_in(value, /*undefined=*/true)) {
      argument.tensors.push_back(number_of(tensor));
    }
    return argument;
  }

  static std::vector<at::Tensor> tensors_in(const c10::IValue& value, bool undefined = false) {
    std::vector<at::Tensor> list;
    const auto look = [&](const c10::IValue& one) {
      const auto tensor = one.isTensor() ? one.toTensor() : at::Tensor();
      if (tensor.defined() || undefined) list.push_back(tensor);
    };
    if (value.isTensor()) {
      look(value);
    } else if (value.isTensorList() || value.isOptionalTensorList()) {
      for (const c10::IValue& one : value.toListRef()) look(one);
    }
    return list;
  }

  /// The number that the tensor has so far keeps its values.
  void keep_before_write(const at::Tensor& tensor) {
    const auto number = number_of(tensor);
    const c10::impl::ExcludeDispatchKeyGuard unseen(key);
    auto copy = tensor.clone();
    twins_.push_back(std::exchange(tensors_[number].tensor, std::move(copy)));
  }

  /// After a write by `maker`: the tensor, and handles of it, have a new number; other tensors over
  /// its memory are not what they were. After one by a pointer these show it themselves.
  std::size_t renumber(std::size_t before, const at::Tensor& written,
                       std::optional<std::size_t> maker) {
    const auto number = add(written, maker);
    for (auto& [impl, known] : numbers_) {
      if (known == before) {
        known = number;
      } else if (maker && known != number && tensors_[known].tensor.is_alias_of(written)) {
        tensors_[known].is_stale = true;
      }
    }
    return number;
  }

  std::vector<TracedCall> calls_;
  std::vector<TracedTensor> tensors_;  ///< kept, so that none has the address of another
  std::map<const c10::TensorImpl*, std::size_t> numbers_;
  Tensors twins_;  ///< kept likewise
  std::vector<std::size_t> inputs_, outputs_;
};

}  // namespace gradus
