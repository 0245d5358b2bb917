/// Counts the floating-point operations of convolutions, matrix products and attention.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>
#include <torch/csrc/profiler/util.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus {

/// While it lives: what LibTorch's operators that this thread calls compute, two operations for a
/// multiplication with its addition, whatever algorithm does it. Operators that only move or weigh
/// single elements (norms, activations) do not count: so are shares of a device's peak told. Nor do
/// LSTM and GRU where one operator does all of a layer. The replay of a graph calls no operators.
/// Scopes nest; the inner one counts.
///
///     const FlopCount count;
///     model->forward(x);
///     count.total();
class FlopCount {
 public:
  FlopCount() : outer_(std::exchange(current(), this)) {
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(begin, end)
                                             .needsInputs(true)
                                             .needsOutputs(true)
                                             .scopes({at::RecordScope::FUNCTION}));
  }
  FlopCount(const FlopCount&) = delete;
  FlopCount& operator=(const FlopCount&) = delete;
  ~FlopCount() {
    at::removeCallback(handle_);
    current() = outer_;
  }

  [[nodiscard]] double total() const { return total_; }

 private:
  enum class Kind {
    product,
    sum_and_product,
    sum_of_products,
    convolution,
    transposed_convolution,
    attention
  };
  using Shapes = std::vector<std::vector<std::int64_t>>;

  static constexpr std::array<std::pair<std::string_view, Kind>, 22> kinds{{
      {"aten::linear", Kind::product},
      {"aten::matmul", Kind::product},
      {"aten::mm", Kind::product},
      {"aten::bmm", Kind::product},
      {"aten::mv", Kind::product},
      {"aten::dot", Kind::product},
      {"aten::addmm", Kind::sum_and_product},
      {"aten::addmm_", Kind::sum_and_product},
      {"aten::addbmm", Kind::sum_of_products},
      {"aten::baddbmm", Kind::sum_and_product},
      {"aten::baddbmm_", Kind::sum_and_product},
      {"aten::addmv", Kind::sum_and_product},
      {"aten::addmv_", Kind::sum_and_product},
      {"aten::conv1d", Kind::convolution},
      {"aten::conv2d", Kind::convolution},
      {"aten::conv3d", Kind::convolution},
      {"aten::convolution", Kind::convolution},
      {"gradus::convolution", Kind::convolution},
      {"aten::conv_transpose1d", Kind::transposed_convolution},
      {"aten::conv_transpose2d", Kind::transposed_convolution},
      {"aten::conv_transpose3d", Kind::transposed_convolution},
      {"aten::scaled_dot_product_attention", Kind::attention},
  }};

  /// An operator of the table that runs. What it calls itself is not counted again.
  struct Call : at::ObserverContext {
    FlopCount* of = nullptr;
    bool outermost = false;
    Kind kind{};
    Shapes inputs{};
  };

  static FlopCount*& current() {
    thread_local FlopCount* count = nullptr;
    return count;
  }

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    if (current() == nullptr) return nullptr;  // a thread that LibTorch has told of the callback
    const std::string_view name(function.name());
    for (const auto& [known, kind] : kinds) {
      if (known != name) continue;
      auto call = std::make_unique<Call>();
      call->of = current();
      call->outermost = call->of->depth_++ == 0;
      call->kind = kind;
      // RecordFunction::inputs() itself fails in programs that are compiled without NDEBUG.
      if (call->outermost) call->inputs = torch::profiler::impl::inputSizes(function);
      return call;
    }
    return nullptr;
  }

  static void end(const at::RecordFunction& function, at::ObserverContext* context) {
    if (context == nullptr) return;
    const auto& call = static_cast<const Call&>(*context);
    --call.of->depth_;
    const auto& outputs = function.outputs();
    if (!call.outermost || call.inputs.size() < 2 || outputs.empty() || !outputs[0].isTensor()) {
      return;
    }
    const auto outputs_of_it = static_cast<double>(outputs[0].toTensor().numel());
    call.of->total_ += 2 * multiplications(call.kind, call.inputs, outputs_of_it);
  }

  static double multiplications(Kind kind, const Shapes& inputs, double outputs) {
    const auto elements = [](const std::vector<std::int64_t>& shape) {
      double product = 1;
      for (const auto length : shape) product *= static_cast<double>(length);
      return product;
    };
    const auto last = [](const std::vector<std::int64_t>& shape) {
      return shape.empty() ? 0.0 : static_cast<double>(shape.back());
    };
    // Of the weights [O, I, ...] what is multiplied for one output, or [I, O, ...] by one input.
    const auto filter = [&] {
      const auto& weight = inputs[1];
      return weight.empty() || weight[0] == 0 ? 0.0
                                              : elements(weight) / static_cast<double>(weight[0]);
    };
    switch (kind) {
      case Kind::sum_of_products:
        return inputs[1].empty() ? 0
                                 : outputs * last(inputs[1]) * static_cast<double>(inputs[1][0]);
      case Kind::product:
        return outputs * last(inputs[0]);
      case Kind::sum_and_product:
        return outputs * last(inputs[1]);
      case Kind::convolution:
        return outputs * filter();
      case Kind::transposed_convolution:
        return elements(inputs[0]) * filter();
      case Kind::attention:
        break;
    }
    // [..., L, E] with [..., S, E], then [..., L, S] with [..., S, V].
    const auto &q = inputs[0], &k = inputs[1];
    if (q.size() < 2 || k.size() < 2 || q.back() == 0) return 0;
    const double weights = elements(q) / last(q) * static_cast<double>(k[k.size() - 2]);
    return weights * last(q) + outputs * static_cast<double>(k[k.size() - 2]);
  }

  FlopCount* outer_;
  at::CallbackHandle handle_ = at::INVALID_CALLBACK_HANDLE;
  int depth_ = 0;
  double total_ = 0;
};

}  // namespace gradus
