/// What losses over classes have in common.
#pragma once

#include <gradus/core/class_targets.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace gradus::detail {

inline bool in_parts(const at::Tensor& target) { return at::isFloatingType(target.scalar_type()); }

/// Targets in a tensor that ignores none.
inline std::int64_t places(const at::Tensor& target) {
  return in_parts(target) && target.dim() > 1
             ? target.numel() / std::max<std::int64_t>(target.size(1), 1)
             : target.numel();
}

/// Targets that are not ignored.
inline double counted_places(const at::Tensor& target) {
  if (target.scalar_type() != at::kLong) return static_cast<double>(places(target));
  std::int64_t counted = 0;
  for_each_class(target, [&](std::int64_t k) { counted += k == no_class ? 0 : 1; });
  return static_cast<double>(counted);
}

inline at::Tensor correct_classes(const at::Tensor& output, const at::Tensor& target) {
  const auto wanted = in_parts(target) ? target.argmax(1) : target;
  return output.argmax(1).eq(wanted).sum();
}
inline at::Tensor counted_classes(const at::Tensor& target) {
  if (target.scalar_type() == at::kLong) return target.ne(no_class).sum();
  return at::scalar_tensor(places(target), target.options().dtype(at::kLong));
}

/// Why the targets are no classes of such outputs, as a clause, or "".
inline std::string classes_of_mistake(const at::Tensor& output, const at::Tensor& target,
                                      bool takes_parts) {
  const auto form = [](const at::Tensor& tensor) {
    return c10::str(tensor.scalar_type(), " ", tensor.sizes());
  };
  auto classes = output.sizes().vec();
  if (classes.size() < 2 || classes[1] < 2) {
    return "it compares the scores of 2 classes or more, [N, K, ...], but the model gives " +
           form(output) + "; choose another loss for this task, or a model with more outputs";
  }
  if (takes_parts && in_parts(target) && target.sizes() == output.sizes()) return "";
  classes.erase(classes.begin() + 1);
  const bool whole = target.scalar_type() == at::kLong || target.scalar_type() == at::kByte;
  if (whole && target.sizes() == at::IntArrayRef(classes)) return "";
  const auto parts = takes_parts ? c10::str(", or parts of classes, ", output.scalar_type(), " ",
                                            output.sizes(), ",")
                                 : std::string(",");
  // [N, ..., K], as language models give them.
  auto last = output.sizes().vec();
  last.pop_back();
  const bool classes_last = whole && output.dim() > 2 && target.sizes() == at::IntArrayRef(last);
  return "for outputs " + form(output) + " it takes classes, Long " +
         c10::str(at::IntArrayRef(classes)) + parts + " but the targets are " + form(target) +
         (classes_last
              ? "; choose task NextToken, which takes the classes of outputs from the last "
                "dimension, or give them in the second"
              : "; give it such targets, or choose another loss");
}

/// The first target that is no class of such outputs, as a clause, or "". Waits for the device.
inline std::string class_value_mistake(const at::Tensor& output, const at::Tensor& target) {
  if (in_parts(target)) return "";
  const auto classes = output.size(1);
  const auto wrong = first_wrong_class(target.to(at::kLong), classes, no_class);
  if (!wrong) return "";
  return c10::str("target ", wrong->place, " of a batch is class ", wrong->label,
                  ", but the model gives ", classes, " scores; expected 0 to ", classes - 1,
                  ", or ", no_class,
                  " where none counts: mend the targets, or give the model more outputs");
}

}  // namespace gradus::detail
