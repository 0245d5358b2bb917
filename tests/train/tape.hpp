/// A double of CUDA graphs for the CPU: it records the operators below autograd with their
/// arguments and replays them, at the same addresses, with the same numbers from the host. What the
/// host does besides is as lost to it as to CUDA, and what is recorded is not run.
#pragma once

#include <gradus/device/graph_backend.hpp>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>
#include <torch/torch.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tape {

/// One operator: what it was called with, what it gave, and where all that lay.
struct Call {
  c10::OperatorHandle op;
  torch::jit::Stack arguments;
  torch::jit::Stack results;
  std::vector<const void*> addresses;
};

inline std::vector<at::Tensor> tensors_in(const torch::jit::Stack& stack) {
  std::vector<at::Tensor> list;
  const auto add = [&](const at::Tensor& tensor) {
    if (tensor.defined()) list.push_back(tensor);
  };
  for (const auto& value : stack) {
    if (value.isTensor()) {
      add(value.toTensor());
    } else if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorList()) add(tensor);
    } else if (value.isList()) {
      for (const c10::IValue& entry : value.toListRef()) {
        if (entry.isTensor()) add(entry.toTensor());
      }
    }
  }
  return list;
}

inline std::vector<const void*> addresses_of(const torch::jit::Stack& stack) {
  std::vector<const void*> list;
  for (const auto& tensor : tensors_in(stack)) list.push_back(tensor.storage().data());
  return list;
}

/// A capture in progress.
class Recording {
 public:
  std::vector<Call> calls;

  void record(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
    const auto& schema = op.schema();
    refuse_readers(schema.name());
    const auto count = schema.arguments().size();
    torch::jit::Stack arguments(stack->end() - static_cast<std::ptrdiff_t>(count), stack->end());
    save_before_write(schema, arguments);
    const auto addresses = addresses_of(arguments);
    {
      const c10::impl::ExcludeDispatchKeyGuard once(c10::DispatchKey::Fake);
      op.redispatchBoxed(
          keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, c10::DispatchKey::Fake),
          stack);
    }
    const auto returns = schema.returns().size();
    torch::jit::Stack results(stack->end() - static_cast<std::ptrdiff_t>(returns), stack->end());
    for (const auto* result : addresses_of(results)) {
      if (std::find(addresses.begin(), addresses.end(), result) == addresses.end()) {
        made_[result] = true;
      }
    }
    calls.push_back({op, std::move(arguments), std::move(results), addresses});
  }

  /// Memory that was there before is as it was: a capture runs nothing.
  void undo() {
    for (auto& [address, saved] : saved_) {
      std::memcpy(saved.storage.mutable_data(), saved.bytes.data(), saved.bytes.size());
    }
  }

 private:
  struct Saved {
    c10::Storage storage;
    std::vector<char> bytes;
  };

  /// In the words of CUDA, with the operator's name.
  static void refuse_readers(const std::string& name) {
    for (const std::string_view reader :
         {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::masked_select"}) {
      TORCH_CHECK(name != reader, "in ", name,
                  ", operation not permitted when stream is capturing");
    }
  }

  void save_before_write(const c10::FunctionSchema& schema, const torch::jit::Stack& arguments) {
    // Its schema does not say that it writes the running statistics.
    const bool norm = schema.name().find("batch_norm") != std::string::npos;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const auto* alias = schema.arguments()[i].alias_info();
      if (!norm && (alias == nullptr || !alias->isWrite())) continue;
      for (const auto& tensor : tensors_in({arguments[i]})) {
        const auto& storage = tensor.storage();
        const void* address = storage.data();
        if (address == nullptr || made_.count(address) > 0 || saved_.count(address) > 0) continue;
        const auto* bytes = static_cast<const char*>(address);
        saved_[address] = {storage, {bytes, bytes + storage.nbytes()}};
      }
    }
  }

  std::map<const void*, bool> made_;  ///< by the capture itself
  std::map<const void*, Saved> saved_;
};

inline thread_local Recording* recording = nullptr;

inline void record(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                   torch::jit::Stack* stack) {
  TORCH_CHECK(recording != nullptr, "an operator is recorded outside of a capture");
  recording->record(op, keys, stack);
}

/// What was asked of the double, in order: "side", "capture", "failed", "replay".
inline std::string& said() {
  static std::string words;
  return words;
}

class Tape {
 public:
  using Graph = std::shared_ptr<std::vector<Call>>;
  static inline std::string none{};  ///< an obstacle to pretend

  static std::string obstacle(const c10::Device&) { return none; }
  explicit Tape(const c10::Device&) {}

  template <class Work>
  void on_side_stream(Work&& work) {
    said() += "side ";
    ++on_side_;
    work();
  }

  template <class Work>
  Graph capture(Work&& work) {
    TORCH_CHECK(std::this_thread::get_id() == thread_, "a capture in another thread");
    TORCH_CHECK(on_side_ >= 3, "a capture after ", on_side_, " warm-ups");
    TORCH_CHECK(recording == nullptr, "a capture within a capture");
    said() += "capture ";
    Recording now;
    auto random = at::detail::getDefaultCPUGenerator();
    const auto before = random.get_state();
    try {
      recording = &now;
      const c10::impl::IncludeDispatchKeyGuard include(c10::DispatchKey::Fake);
      work();
      recording = nullptr;
    } catch (...) {
      recording = nullptr;
      now.undo();
      random.set_state(before);
      said() += "failed ";
      throw;
    }
    now.undo();
    random.set_state(before);
    return std::make_shared<std::vector<Call>>(std::move(now.calls));
  }

  void replay(Graph& graph) {
    TORCH_CHECK(recording == nullptr, "a replay within a capture");
    said() += "replay ";
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    for (auto& call : *graph) {
      TORCH_CHECK(addresses_of(call.arguments) == call.addresses, "memory of ",
                  call.op.schema().name(), " has moved since the capture");
      auto stack = call.arguments;
      call.op.callBoxed(&stack);
      const auto fresh = tensors_in(stack);
      const auto kept = tensors_in(call.results);
      TORCH_CHECK(fresh.size() == kept.size(), "another number of results");
      for (std::size_t i = 0; i < fresh.size(); ++i) {
        if (!fresh[i].is_alias_of(kept[i]) && !in_place(call, kept[i])) kept[i].copy_(fresh[i]);
      }
    }
  }

 private:
  static bool in_place(const Call& call, const at::Tensor& result) {
    return std::find(call.addresses.begin(), call.addresses.end(), result.storage().data()) !=
           call.addresses.end();
  }

  std::thread::id thread_ = std::this_thread::get_id();
  std::int64_t on_side_ = 0;
};
static_assert(gradus::GraphBackend<Tape>);

}  // namespace tape
