/// When a step is warmed up, captured, replayed, or run as it is: the logic of captured steps,
/// whatever records them.
#pragma once

#include <gradus/core/batch_tensors.hpp>
#include <gradus/device/graph_backend.hpp>
#include <gradus/policy/execution/capture_plan.hpp>
#include <gradus/train/capture/execution_report.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/MemoryFormat.h>
#include <c10/core/ScalarType.h>
#include <torch/nn/module.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Runs the steps of one run. A graph holds one form of window: as many batches, of the same
/// shapes, types and layouts, weighted alike or not. Each form has input buffers of its own; it is
/// run `warmup_steps` times on the side stream, as real steps of the run, then captured and from
/// then on replayed. The last `max_graphs` forms are kept. A graph is captured again where a
/// parameter or buffer has a new address, or something was frozen, unfrozen or put in another mode
/// since. Gradients that a step leaves in parameters are there after a
/// replay too, without memory of their own: until the next one. When a capture fails, that step and
/// all others run as they are, and `report()` says why.
template <GraphBackend Backend>
class StepGraph {
 public:
  /// `fixed` is what every step reads or writes in place: a model's parameters and buffers; `parts`
  /// are its modules, whose modes a step follows.
  StepGraph(Backend backend, const CapturePlan& plan, std::vector<at::Tensor> fixed,
            std::vector<std::shared_ptr<torch::nn::Module>> parts = {})
      : backend_(std::move(backend)),
        plan_(plan),
        fixed_(std::move(fixed)),
        parts_(std::move(parts)) {}

  /// Runs `step(batches, losses)` on `window`, or what it enqueued when it was captured; `even`
  /// says whether each sample of the window weighs the same. Batches hold tensors only. The step
  /// writes the loss of each batch into `losses` [batches] float64, keeps no tensor that it makes,
  /// and its code on the host has no other effect than what it enqueues. `discard()` drops what a
  /// failed capture left behind. Returns the losses. The host waits for nothing but a capture.
  template <BatchForm B, class Step, class Discard>
  [[nodiscard]] at::Tensor run(const std::vector<B>& window, bool even, Step&& step,
                               Discard&& discard) {
    if (!report_.reason.empty()) return run_as_it_is(window, step);
    Form& form = form_of(window, even);
    const auto inputs = fill(form, window);
    const auto work = [&] { step(inputs, form.losses); };
    const auto now = trained();
    if ((form.graph && form.addresses != addresses()) || form.trained != now) form.forget();
    form.trained = now;
    if (!form.graph) {
      if (form.warm_ups < plan_.warmup_steps) {
        backend_.on_side_stream(work);
        ++form.warm_ups;
        ++report_.warm_ups;
        return form.losses.clone();
      }
      if (!capture(form, work)) {
        discard();
        forms_.clear();
        return run_as_it_is(window, step);
      }
    }
    backend_.replay(*form.graph);
    for (const auto& [parameter, gradient] : form.gradients) parameter.mutable_grad() = gradient;
    ++report_.replays;
    return form.losses.clone();
  }

  [[nodiscard]] const ExecutionReport& report() const { return report_; }

 private:
  struct TensorForm {
    std::vector<std::int64_t> sizes;
    c10::ScalarType type;
    c10::MemoryFormat layout;
    bool operator==(const TensorForm&) const = default;
  };
  struct WindowForm {
    std::vector<std::vector<TensorForm>> batches{};
    bool even = true;  ///< else the parts of the batches are not those of their samples
    bool operator==(const WindowForm&) const = default;
  };

  struct Form {
    WindowForm form;
    std::vector<std::vector<at::Tensor>> inputs{};  ///< what every step of this form reads
    at::Tensor losses{};                            ///< what it writes
    std::int64_t warm_ups = 0;
    std::optional<typename Backend::Graph> graph{};
    std::vector<const void*> addresses{};                        ///< of `fixed`, as captured
    std::vector<bool> trained{};                                 ///< in its last step
    std::vector<std::pair<at::Tensor, at::Tensor>> gradients{};  ///< of `fixed`, in its pool

    void forget() {
      graph.reset();
      warm_ups = 0;
    }
  };

  static TensorForm form_of(const at::Tensor& tensor) {
    if (!tensor.defined()) return {{}, c10::ScalarType::Undefined, c10::MemoryFormat::Contiguous};
    return {tensor.sizes().vec(), tensor.scalar_type(), tensor.suggest_memory_format()};
  }

  template <class B>
  static std::vector<at::Tensor> defined_tensors(const B& batch) {
    auto tensors = tensors_of(batch);
    std::erase_if(tensors, [](const at::Tensor& tensor) { return !tensor.defined(); });
    return tensors;
  }

  template <class B>
  static at::Tensor losses_for(const std::vector<B>& window) {
    const auto count = static_cast<std::int64_t>(window.size());
    const auto device = defined_tensors(window.front()).front().options();
    return at::empty({count}, device.dtype(at::kDouble));
  }

  /// The form of `window`, new or known, in front of the others.
  template <class B>
  Form& form_of(const std::vector<B>& window, bool even) {
    WindowForm wanted{.even = even};
    for (const auto& batch : window) {
      auto& forms = wanted.batches.emplace_back();
      for (const auto& tensor : tensors_of(batch)) forms.push_back(form_of(tensor));
    }
    for (auto known = forms_.begin(); known != forms_.end(); ++known) {
      if (known->form != wanted) continue;
      forms_.splice(forms_.begin(), forms_, known);
      return forms_.front();
    }
    if (static_cast<std::int64_t>(forms_.size()) == plan_.max_graphs) forms_.pop_back();
    forms_.push_front({.form = std::move(wanted)});
    Form& form = forms_.front();
    for (const auto& batch : window) {
      auto& buffers = form.inputs.emplace_back();
      for (const auto& like : defined_tensors(batch)) {
        buffers.push_back(at::empty_like(like, like.options(), like.suggest_memory_format()));
      }
    }
    form.losses = losses_for(window);
    return form;
  }

  /// Copies `window` into the buffers of its form, and returns it with these in place of its own.
  template <class B>
  static std::vector<B> fill(const Form& form, std::vector<B> window) {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < window.size(); ++i) {
      auto buffer = form.inputs[i].begin();
      window[i] = with_tensors(std::move(window[i]), [&](const at::Tensor& tensor) {
        buffer->copy_(tensor, /*non_blocking=*/true);
        return *buffer++;
      });
    }
    return window;
  }

  template <class Work>
  bool capture(Form& form, const Work& work) {
    form.addresses = addresses();
    std::vector<at::Tensor> memory;
    for (const auto& tensor : fixed_) memory.push_back(tensor.variable_data());
    try {
      form.graph.emplace(backend_.capture(work));
    } catch (const std::exception& error) {
      report_.reason = "a step could not be captured: " + first_line(error.what());
    }
    if (report_.reason.empty() && form.addresses != addresses()) {
      report_.reason =
          "a step gives a parameter or buffer of the model new memory, which a replay cannot";
    }
    if (report_.reason.empty()) {
      form.gradients.clear();
      for (const auto& tensor : fixed_) {
        const auto& gradient = tensor.grad();
        if (gradient.defined()) form.gradients.emplace_back(tensor, view_without_owner(gradient));
      }
      ++report_.captures;
      return true;
    }
    // What the step put in its place was never computed.
    for (std::size_t i = 0; i < fixed_.size(); ++i) fixed_[i].set_data(memory[i]);
    return false;
  }

  template <class B, class Step>
  static at::Tensor run_as_it_is(const std::vector<B>& window, Step& step) {
    const auto losses = losses_for(window);
    step(window, losses);
    return losses;
  }

  /// So that the pool may use the memory again in the next graph.
  static at::Tensor view_without_owner(const at::Tensor& tensor) {
    return at::for_blob(tensor.mutable_data_ptr(), tensor.sizes())
        .strides(tensor.strides())
        .options(tensor.options())
        .target_device(tensor.device())
        .make_tensor();
  }

  [[nodiscard]] std::vector<const void*> addresses() const {
    std::vector<const void*> list;
    list.reserve(fixed_.size());
    for (const auto& tensor : fixed_) list.push_back(tensor.const_data_ptr());
    return list;
  }

  /// Which of `fixed` need a gradient, and which parts are in training mode.
  [[nodiscard]] std::vector<bool> trained() const {
    std::vector<bool> list;
    list.reserve(fixed_.size() + parts_.size());
    for (const auto& tensor : fixed_) list.push_back(tensor.requires_grad());
    for (const auto& part : parts_) list.push_back(part->is_training());
    return list;
  }

  static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

  Backend backend_;
  CapturePlan plan_;
  std::vector<at::Tensor> fixed_;
  std::vector<std::shared_ptr<torch::nn::Module>> parts_;
  std::list<Form> forms_;  ///< the last one used in front
  ExecutionReport report_;
};

}  // namespace gradus
