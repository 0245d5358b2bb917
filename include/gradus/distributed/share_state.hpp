/// The state of a run, from the process that has it to the others.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/distributed/communicator.hpp>

#include <nlohmann/json.hpp>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Gives all ranks the values of `tensor` on rank `from`, whatever its type and form.
inline void share_values(Communicator& ranks, at::Tensor tensor, std::int64_t from = 0) {
  const at::NoGradGuard no_grad;
  if (tensor.numel() == 0) return;
  const auto sent = tensor.resolve_conj().resolve_neg().contiguous();
  ranks.broadcast(sent.reshape({-1}).view(at::kByte), from);
  if (!sent.is_same(tensor)) copy_values(tensor, sent);
}

/// Gives all ranks the values of `tensors` on rank 0, on the device of the first one, in one
/// message. Backward passes that need such a tensor can still follow, with its new values.
inline void share_together(Communicator& ranks, std::vector<at::Tensor> tensors) {
  const at::NoGradGuard no_grad;
  std::erase_if(tensors, [](const at::Tensor& tensor) { return tensor.numel() == 0; });
  std::vector<at::Tensor> bytes;
  for (const auto& tensor : tensors) {
    bytes.push_back(plain_values(tensor).reshape({-1}).view(at::kByte).to(tensors[0].device()));
  }
  if (bytes.empty()) return;
  const auto message = at::cat(bytes);
  ranks.broadcast(message, 0);
  if (ranks.rank() == 0) return;
  std::int64_t first = 0;
  for (auto& tensor : tensors) {
    const auto size = tensor.numel() * static_cast<std::int64_t>(tensor.element_size());
    const auto values = message.narrow(0, first, size).clone();  // where any type may begin
    // The same memory without autograd's count of changes, where the tensor can keep its memory.
    auto target = overlaps_itself(tensor) ? tensor : tensor.variable_data();
    copy_values(target, values.view(tensor.scalar_type()).view(tensor.sizes()));
    first += size;
  }
}

/// The value of rank 0, on all ranks.
[[nodiscard]] inline bool as_first_says(Communicator& ranks, bool here) {
  const auto said = at::zeros({1}, at::kLong).fill_(here ? 1 : 0);
  ranks.broadcast(said, 0);
  return said.item<std::int64_t>() != 0;
}

/// `state`, tensors on the CPU, and `text` of rank 0, on all ranks.
inline std::pair<StateDict, std::string> share_state(Communicator& ranks, const StateDict& state,
                                                     const std::string& text) {
  nlohmann::json head;
  if (ranks.rank() == 0) {
    head["text"] = text;
    head["tensors"] = nlohmann::json::array();
    for (const auto& [name, tensor] : state.entries()) {
      head["tensors"].push_back({{"name", name},
                                 {"type", static_cast<int>(tensor.scalar_type())},
                                 {"sizes", tensor.sizes().vec()}});
    }
  }
  head = nlohmann::json::parse(ranks.exchange(head.dump()).front());
  std::vector<NamedTensor> entries;
  for (std::size_t i = 0; i < head["tensors"].size(); ++i) {
    const auto& form = head["tensors"][i];
    auto tensor = ranks.rank() == 0
                      ? state.entries()[i].tensor
                      : at::empty(form["sizes"].get<std::vector<std::int64_t>>(),
                                  static_cast<c10::ScalarType>(form["type"].get<int>()));
    share_values(ranks, tensor);
    entries.push_back({form["name"].get<std::string>(), std::move(tensor)});
  }
  return {StateDict(std::move(entries)), head["text"].get<std::string>()};
}

}  // namespace gradus
