/// A graph of ONNX that is made of two traces of one model, call by call.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/export/onnx_file.hpp>
#include <gradus/export/operator_trace.hpp>

#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// A size in the two traces, which are of different numbers of samples.
struct Extent {
  std::int64_t one = 0, other = 0;
  [[nodiscard]] bool is_fixed() const { return one == other; }
  bool operator==(const Extent&) const = default;
};
/// Of all sides of a tensor.
using Extents = std::vector<Extent>;

/// Values of the graph go by the numbers of the first trace.
class OnnxBuilder {
 public:
  /// `samples` are those of the traces; `state` are the model's parameters and buffers.
  OnnxBuilder(const OperatorTrace& one, const OperatorTrace& other, Extent samples,
              const std::vector<NamedTensor>& state)
      : one_(one), other_(other), samples_(samples) {
    for (const auto& [name, tensor] : state) {
      state_names_.emplace(tensor.unsafeGetTensorImpl(), name);
      taken_.insert(name);
    }
  }

  [[nodiscard]] OnnxGraph& graph() { return graph_; }

  /// A value that goes in.
  void add_input(std::size_t number, const std::string& name) {
    names_[number] = unique(name);
    graph_.inputs.push_back(described(number, names_[number]));
  }
  void add_output(std::size_t number, const std::string& name) {
    const auto wanted = unique(name);
    add_node("Identity", {name_of(number)}, {wanted}, {});
    graph_.outputs.push_back(described(number, wanted));
  }

  /// Whether the number is of a value that does not depend on the input.
  [[nodiscard]] bool is_constant(std::size_t number) const {
    return !names_.contains(number) || constant_names_.contains(number);
  }
  /// Gives what a call makes the name of a value; `number` is of the first trace.
  std::string name_result(std::size_t number, const std::string& like) {
    return names_[number] = unique(like);
  }
  [[nodiscard]] std::string unique(const std::string& like) {
    auto name = like;
    for (int k = 1; !taken_.insert(name).second; ++k) name = like + "_" + std::to_string(k);
    return name;
  }

  /// Whether the value is the same in both traces.
  [[nodiscard]] bool is_same(std::size_t number) const {
    return number < other_.tensors().size() &&
           one_.tensors()[number].fingerprint == other_.tensors()[number].fingerprint;
  }

  /// The value's name; a constant goes into the graph when it is first asked for. Throws
  /// ConfigurationError for a value that the graph cannot have.
  std::string name_of(std::size_t number) {
    if (number == TracedArgument::none) return "";
    if (one_.tensors()[number].is_stale) {
      refuse("a tensor is read whose memory was written by way of another one", "write to a copy");
    }
    const auto known = names_.find(number);
    if (known != names_.end()) return known->second;
    check_constant(number);
    const auto& tensor = one_.tensors()[number].tensor;
    const auto named = state_names_.find(tensor.unsafeGetTensorImpl());
    const auto name = named == state_names_.end() ? unique("constant") : named->second;
    if (named == state_names_.end() || in_graph_.insert(name).second) {
      graph_.constants.push_back({name, tensor.detach()});
    }
    constant_names_.insert(number);
    return names_[number] = name;
  }
  /// The parameter of which the number is the transpose, as LibTorch's linear layers take it.
  [[nodiscard]] std::optional<std::size_t> turned_parameter(std::size_t number) const {
    const auto maker = one_.tensors()[number].maker;
    if (!maker || one_.calls()[*maker].name != "aten::t") return std::nullopt;
    const auto source = one_.calls()[*maker].arguments[0].tensors[0];
    return is_of_model(source) ? std::optional(source) : std::nullopt;
  }
  /// Whether it is a parameter or buffer.
  [[nodiscard]] bool is_of_model(std::size_t number) const {
    return state_names_.contains(tensor_of(number).unsafeGetTensorImpl());
  }
  /// A value of numbers that the graph brings.
  std::string constant(const at::Tensor& values) {
    graph_.constants.push_back({unique("constant"), values});
    return graph_.constants.back().name;
  }

  void add_node(const std::string& op, std::vector<std::string> inputs,
                std::vector<std::string> outputs, OnnxAttributes attributes) {
    auto name = place_.empty() ? op : place_ + "/" + op;
    graph_.nodes.push_back(
        {op, std::move(inputs), std::move(outputs), std::move(attributes), unique(name)});
  }

  [[nodiscard]] Extents sizes_of(std::size_t number) const {
    return paired(one_.tensors()[number].sizes, other_.tensors()[number].sizes);
  }
  [[nodiscard]] const at::Tensor& tensor_of(std::size_t number) const {
    return one_.tensors()[number].tensor;
  }
  [[nodiscard]] static Extents paired(const std::vector<std::int64_t>& one,
                                      const std::vector<std::int64_t>& other) {
    Extents all;
    for (std::size_t i = 0; i < one.size() && i < other.size(); ++i) {
      all.push_back({one[i], other[i]});
    }
    return all;
  }
  /// How many times the number of samples an extent is; nothing for a fixed one, and for one that
  /// follows it in another way.
  [[nodiscard]] std::optional<std::int64_t> times_samples(const Extent& extent) const {
    if (extent.is_fixed() || extent.one % samples_.one != 0) return std::nullopt;
    const auto times = extent.one / samples_.one;
    return times * samples_.other == extent.other ? std::optional(times) : std::nullopt;
  }

  /// Sizes as a value [sides] of int64. Throws ConfigurationError for one that follows the number
  /// of samples in another way than by a factor.
  std::string shape(const Extents& extents) {
    std::vector<std::string> parts;
    std::vector<std::int64_t> fixed;
    const auto end_fixed = [&] {
      if (!fixed.empty()) parts.push_back(constant(at::tensor(fixed, at::kLong)));
      fixed.clear();
    };
    for (const auto& extent : extents) {
      if (extent.is_fixed()) {
        fixed.push_back(extent.one);
        continue;
      }
      end_fixed();
      parts.push_back(multiple_of_samples(extent));
    }
    end_fixed();
    if (parts.empty()) return constant(at::empty({0}, at::kLong));
    if (parts.size() == 1) return parts.front();
    const auto joined = unique("shape");
    add_node("Concat", parts, {joined}, {{"axis", std::int64_t{0}}});
    return joined;
  }

  /// Where in the model the next nodes are: the module whose parameter was read last.
  void see(std::size_t number) {
    if (number == TracedArgument::none) return;
    const auto named = state_names_.find(tensor_of(number).unsafeGetTensorImpl());
    if (named == state_names_.end()) return;
    has_seen_ = true;
    const auto dot = named->second.rfind('.');
    place_ = dot == std::string::npos ? std::string() : named->second.substr(0, dot);
  }
  /// "in module 'layer1.0.conv2' or after it".
  [[nodiscard]] std::string place() const {
    if (!has_seen_) return "before its first parameter";
    return place_.empty() ? "in the outermost module" : "in module '" + place_ + "' or after it";
  }
  [[noreturn]] void refuse(const std::string& what, const std::string& advice) const {
    throw ConfigurationError("the model cannot be exported: " + what + ", " + place() + "; " +
                             advice + ".");
  }

 private:
  /// Without a node that makes it a value has to be known, and the same for all inputs.
  void check_constant(std::size_t number) const {
    const auto& seen = one_.tensors()[number];
    if (seen.maker && seen.tensor.numel() > 0 && is_unwritten(one_.calls()[*seen.maker])) {
      refuse("memory is read to which nothing has been written", "make it by at::zeros");
    }
    if (!is_same(number)) {
      refuse("a tensor depends on the input, but no operator of LibTorch has made it",
             "use such operators, or register your own with the dispatcher");
    }
    if (seen.fingerprint != fingerprint_of_values(seen.tensor)) {
      refuse("a tensor was written by its pointer after an operator had read it",
             "write to a copy");
    }
  }

  [[nodiscard]] OnnxValue described(std::size_t number, const std::string& name) const {
    OnnxValue value{name, tensor_of(number).scalar_type(), {}};
    for (const auto& extent : sizes_of(number)) {
      value.sizes.push_back(extent.is_fixed() ? extent.one : -factor_of_samples(extent));
    }
    return value;
  }

  /// How many times the number of samples it is; refuses what follows it in another way.
  [[nodiscard]] std::int64_t factor_of_samples(const Extent& extent) const {
    if (const auto times = times_samples(extent)) return *times;
    refuse("a size is " + std::to_string(extent.one) + " for " + std::to_string(samples_.one) +
               " samples and " + std::to_string(extent.other) + " for " +
               std::to_string(samples_.other),
           "a size may be fixed, or a multiple of the number of samples");
  }

  /// [1] of int64.
  std::string multiple_of_samples(const Extent& extent) {
    const auto times = factor_of_samples(extent);
    if (samples_name_.empty()) {
      samples_name_ = unique("samples");
      add_node("Shape", {graph_.inputs.front().name}, {samples_name_},
               {{"start", std::int64_t{0}}, {"end", std::int64_t{1}}});
    }
    if (times == 1) return samples_name_;
    const auto product = unique("size");
    add_node("Mul", {samples_name_, constant(at::tensor({times}, at::kLong))}, {product}, {});
    return product;
  }

  const OperatorTrace& one_;
  const OperatorTrace& other_;
  Extent samples_;
  OnnxGraph graph_;
  std::map<std::size_t, std::string> names_;
  std::set<std::size_t> constant_names_;
  std::map<const c10::TensorImpl*, std::string> state_names_;
  std::set<std::string> taken_, in_graph_;
  std::string samples_name_, place_;
  bool has_seen_ = false;  ///< a parameter
};

}  // namespace gradus
