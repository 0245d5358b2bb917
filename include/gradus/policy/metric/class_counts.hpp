/// What precision, recall, F1 and the confusion matrix are made of.
#pragma once

#include <gradus/core/class_targets.hpp>
#include <gradus/error.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/StringUtil.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus {

/// How the figures of several classes become one.
enum class Average {
  macro,  ///< the mean of the classes'
  micro   ///< that of all answers together
};

namespace detail {

/// Whether each output is a yes or no of its own, a yes above 0, rather than a score of one class
/// of K.
inline bool answers_each(const at::Tensor& output, const at::Tensor& target) {
  return output.sizes() == target.sizes();
}

/// Why classes cannot be counted, as a clause, or "".
inline std::string classes_mistake(const at::Tensor& output, const at::Tensor& target) {
  if (output.dim() > 0 && answers_each(output, target)) return "";
  auto classes = output.sizes().vec();
  if (classes.size() >= 2 && classes[1] >= 2 && target.scalar_type() == at::kLong) {
    classes.erase(classes.begin() + 1);
    if (target.sizes() == at::IntArrayRef(classes)) return "";
  }
  return c10::str(
      "it compares scores [N, K, ...] of 2 classes or more with classes [N, ...] int64, or scores "
      "with yes and no of the same shape, but the outputs are ",
      output.scalar_type(), " ", output.sizes(), " and the targets ", target.scalar_type(), " ",
      target.sizes());
}

/// [N, K], [N, K, ...] or, of one label, [N] as [rows, K].
inline at::Tensor labels_last(const at::Tensor& tensor) {
  return tensor.dim() > 1 ? tensor.movedim(1, -1).flatten(0, -2) : tensor.reshape({-1, 1});
}

/// Throws DataError for a target on the CPU that is none of `classes`. On other devices it would
/// wait.
inline void check_classes(const at::Tensor& target, std::int64_t classes) {
  if (!target.is_cpu()) return;
  const auto wrong = first_wrong_class(target, classes, no_class);
  if (!wrong) return;
  throw DataError(c10::str("A metric of ", classes, " classes cannot count a target of class ",
                           wrong->label, "; expected 0 to ", classes - 1, ", or ", no_class,
                           " where none counts: correct the targets, or give the model more "
                           "outputs."));
}

/// How often each class was meant where another, or it, was answered: int64 [K, K], a row for each
/// class that was meant. Targets that are ignored have a column of their own, so that a class that
/// is too high is outside of all cells. Throws DataError as `check_classes` does.
inline at::Tensor confusion(const at::Tensor& output, const at::Tensor& target) {
  const auto classes = output.size(1);
  const auto answer = output.argmax(1).flatten();
  const auto meant = target.flatten();
  check_classes(meant, classes);
  const auto columns = classes + 1;
  const auto cell = at::where(meant.eq(no_class), classes, meant * columns + answer);
  auto cells = at::zeros({classes * columns}, cell.options());
  cells.scatter_add_(0, cell, at::ones_like(cell));
  return cells.view({classes, columns}).narrow(1, 0, classes).contiguous();
}

/// int64 [K, 4], of each class: answered rightly, answered, meant, and how often it was asked for
/// by itself.
inline at::Tensor class_counts(const at::Tensor& output, const at::Tensor& target) {
  if (!answers_each(output, target)) {
    const auto cells = confusion(output, target);
    return at::stack({cells.diagonal(), cells.sum(0), cells.sum(1), at::zeros_like(cells.sum(0))},
                     1);
  }
  const auto rows = labels_last(output);
  const auto answered = rows > 0;
  const auto meant = labels_last(target) > 0.5;
  const auto asked = at::full({rows.size(1)}, rows.size(0), rows.options().dtype(at::kLong));
  return at::stack({(answered & meant).sum(0), answered.sum(0), meant.sum(0), asked}, 1);
}

/// `score(right, answered, meant)` of each class, float64 [K] on the CPU.
template <class Score>
at::Tensor class_scores(const at::Tensor& counts, Score score) {
  auto scores = at::zeros({counts.size(0)}, at::kDouble);
  for (std::int64_t k = 0; k < counts.size(0); ++k) {
    scores[k] = score(counts[k][0].template item<double>(), counts[k][1].template item<double>(),
                      counts[k][2].template item<double>());
  }
  return scores;
}

/// One figure of all classes. Classes of which nothing was meant or answered are left out of a
/// mean, unless they were asked for by themselves.
template <class Score>
std::optional<double> average_score(const at::Tensor& counts, Average average, Score score) {
  if (average == Average::micro) {
    const auto all = counts.sum(0);
    if (all[1].template item<double>() + all[2].template item<double>() == 0) return std::nullopt;
    return score(all[0].template item<double>(), all[1].template item<double>(),
                 all[2].template item<double>());
  }
  const auto scores = class_scores(counts, score);
  double sum = 0;
  std::int64_t classes = 0;
  for (std::int64_t k = 0; k < counts.size(0); ++k) {
    if (counts[k].slice(0, 1, 4).sum().item<std::int64_t>() == 0) continue;
    sum += scores[k].template item<double>();
    ++classes;
  }
  if (classes == 0) return std::nullopt;
  return sum / static_cast<double>(classes);
}

inline double ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

}  // namespace detail

}  // namespace gradus
