/// The images that a classifier gets most wrong, as TensorBoard shows them.
#pragma once

#include <gradus/data/image_dataset.hpp>
#include <gradus/error.hpp>
#include <gradus/observe/tensorboard.hpp>
#include <gradus/observe/text.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/argsort.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::observe {

/// An image whose predicted class is not its own.
struct WrongImage {
  std::int64_t index = 0;  ///< in its set
  std::int64_t predicted = 0;
  std::int64_t label = 0;
  double probability = 0;  ///< of the predicted class, as the model sees it
};

/// Up to `most` wrong predictions among `outputs` [N, classes], logits for `labels` [N] int64;
/// those of the largest loss first, and of equal ones the first. Labels that are no class are
/// skipped. Throws DataError for tensors of another form.
[[nodiscard]] inline std::vector<WrongImage> wrong_images(const at::Tensor& outputs,
                                                          const at::Tensor& labels,
                                                          std::int64_t most) {
  if (outputs.dim() != 2 || labels.dim() != 1 || outputs.size(0) != labels.size(0)) {
    throw DataError(c10::str("outputs ", outputs.sizes(), " and labels ", labels.sizes(),
                             " are no predictions of classes; expected [N, classes] and [N]."));
  }
  const auto logs = at::log_softmax(outputs.detach().to(at::kCPU, at::kDouble), 1);
  const auto own = labels.to(at::kCPU, at::kLong);
  const auto known = own.ge(0).logical_and(own.lt(outputs.size(1)));
  const auto predicted = logs.argmax(1);
  const auto chances = logs.gather(1, own.clamp(0, outputs.size(1) - 1).unsqueeze(1)).squeeze(1);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto losses = at::where(chances.isnan(), infinity, -chances);
  const auto loss = at::where(known.logical_and(predicted.ne(own)), losses, -1.0);
  const auto order = at::argsort(loss, /*stable=*/true, /*dim=*/0, /*descending=*/true);
  std::vector<WrongImage> list;
  for (std::int64_t i = 0; i < std::min(most, order.size(0)); ++i) {
    const auto index = order[i].item<std::int64_t>();
    if (!(loss[index].item<double>() >= 0)) break;  // a right one
    const auto best = predicted[index].item<std::int64_t>();
    list.push_back({.index = index,
                    .predicted = best,
                    .label = own[index].item<std::int64_t>(),
                    .probability = logs[index][best].exp().item<double>()});
  }
  return list;
}

/// Adds the images of `set` that `trainer` gets most wrong to `board`, at the last step of the run:
/// each as "wrong/NUMBER CLASS, is CLASS", with a table of them all as the text "wrong". `names`
/// are those of the classes; the number where there is none. Costs a pass over the set. Throws as
/// `Trainer::predict` does.
template <class T>
void add_wrong_images(TensorBoard& board, T& trainer, const data::ImageDataset& set,
                      std::span<const std::string_view> names = {}, std::int64_t most = 16) {
  const auto name_of = [&](std::int64_t label) {
    const auto place = static_cast<std::size_t>(label);
    return place < names.size() ? std::string(names[place]) : std::to_string(label);
  };
  std::string table = "| number | predicted | probability | is | index |\n|---|---|---|---|---|\n";
  std::int64_t number = 0;
  for (const auto& wrong : wrong_images(trainer.predict(set), set.labels(), most)) {
    const auto predicted = name_of(wrong.predicted), label = name_of(wrong.label);
    const auto place = two_digits(++number);
    board.add_images("wrong/" + place + " " + predicted + ", is " + label,
                     set.images().narrow(0, wrong.index, 1));
    table += "| " + place + " | " + predicted + " | " + percent(wrong.probability, 1) + " | " +
             label + " | " + std::to_string(wrong.index) + " |\n";
  }
  board.add_text("wrong", number > 0 ? table : "No image is predicted wrong.");
}

}  // namespace gradus::observe
