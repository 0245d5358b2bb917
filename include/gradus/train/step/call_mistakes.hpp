/// Whether `fit` can be called so: a sentence that names the argument and the fix. No torch header
/// is needed here.
#pragma once

#include <gradus/compose/argument_mistakes.hpp>
#include <gradus/compose/refusal.hpp>
#include <gradus/compose/tensor_fwd.hpp>
#include <gradus/core/batch_tensors.hpp>
#include <gradus/core/observer.hpp>

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace gradus {

namespace detail {

/// Of a dataset that is given to member function `call`.
template <class D>
consteval Sentence dataset_mistake(std::string_view call = "fit") {
  if constexpr (!requires(const D& dataset) {
                  { dataset.size() } -> std::convertible_to<std::int64_t>;
                }) {
    return Sentence("dataset ", type_name<D>(), " of ", call,
                    " does not say how many samples it has; add `std::int64_t size() const`.");
  } else if constexpr (!requires(const D& dataset, std::span<const std::int64_t> indices) {
                         requires find_tensors<
                             std::remove_cvref_t<decltype(dataset.batch(indices))>>();
                       }) {
    return Sentence("dataset ", type_name<D>(), " of ", call,
                    " makes no batches; declare `gradus::Batch batch(std::span<const "
                    "std::int64_t> indices) const`, or let it return tensors of another form.");
  } else {
    return {};
  }
}

/// What `next` of a stream is to be.
template <class S>
concept StreamForm = requires(S& stream, std::int64_t samples) {
  requires find_tensors<std::remove_cvref_t<decltype(*stream.next(samples))>>();
  { stream.next(samples).has_value() } -> std::same_as<bool>;
};

/// `D` as forwarded: the training set.
template <class D>
consteval Sentence training_mistake() {
  using Bare = std::remove_cvref_t<D>;
  if constexpr (
      !requires(Bare& stream) { typename std::type_identity<decltype(stream.next(1))>; } ||
      requires(const Bare& dataset) { dataset.size(); }) {
    return dataset_mistake<Bare>();
  } else if constexpr (!StreamForm<Bare>) {
    return Sentence("stream ", type_name<Bare>(),
                    " of fit makes no batches; declare `std::optional<gradus::Batch> "
                    "next(std::int64_t samples)`, or let it return tensors of another form.");
  } else if constexpr (std::is_const_v<std::remove_reference_t<D>>) {
    return Sentence("stream ", type_name<Bare>(),
                    " of fit is const, but a run reads on in it; give one that is not.");
  } else {
    return {};
  }
}

/// An argument behind the training set, as forwarded: the held-out set, or an observer.
template <class Argument>
consteval Sentence companion_mistake() {
  using Bare = std::remove_reference_t<Argument>;
  if constexpr (Observer<Bare>) {
    if constexpr (std::is_lvalue_reference_v<Argument>) return {};
    return Sentence("observer ", type_name<Bare>(),
                    " of fit is a temporary; give it a name, for it is told of the run and asked "
                    "afterwards.");
  } else if constexpr (requires(Bare& argument) { argument.size(); }) {
    return dataset_mistake<std::remove_const_t<Bare>>();
  } else {
    return Sentence("argument ", type_name<Bare>(),
                    " of fit is neither a dataset nor an observer; give it `void on(const "
                    "gradus::EpochEnd& event)`, or `size` and `batch`, or leave it out.");
  }
}

}  // namespace detail

/// Whether `fit` can be called with a training set and these further arguments: the sentence of the
/// compile error, empty where it can.
template <class Train, class... Others>
struct CallMistake {
  static constexpr Sentence sentence =
      first_mistake(detail::training_mistake<Train>(), detail::companion_mistake<Others>()...);
};

/// What is no dataset, given to `evaluate` or `predict`.
template <class D>
struct SetMistake {
  static constexpr Sentence sentence = detail::dataset_mistake<D>("evaluate or predict");
};

/// A training set whose images cannot be varied, under a policy that varies them.
template <class Train, class Augmentation>
struct AugmentationMistake {
  static constexpr Sentence sentence{
      "dataset ", type_name<Train>(), " of fit takes no transforms, but policy ",
      type_name<Augmentation>(),
      " of axis augmentation varies images; add `gradus::Batch batch(std::span<const std::int64_t> "
      "indices, std::span<const gradus::ImageTransform> transforms) const` or leave the policy "
      "out."};
};

/// A task that does not take the batches of the dataset.
template <class Task, class Model, class B>
struct TaskMistake {
  static constexpr Sentence sentence{"policy ",
                                     type_name<Task>(),
                                     " of axis task cannot compute batches ",
                                     type_name<B>(),
                                     " with model ",
                                     type_name<Model>(),
                                     "; let its `forward(model, batch, loss)` take them and return "
                                     "a gradus::TaskResult, or choose "
                                     "a task that does."};
};

/// A policy that acts on batches of another form than those of the dataset.
template <class B, class P>
struct BatchMistake {
  static constexpr Sentence sentence{
      "policy ",
      type_name<P>(),
      " of axis ",
      P::slot::name,
      " does not take batches ",
      type_name<B>(),
      "; let the dataset make gradus::Batch, or leave the policy out."};
};

/// A training set that does not say what the sampling policy chooses by.
template <class Train, class Sampling>
struct SamplingMistake {
  static consteval Sentence find() {
    const auto lacks = [](std::string_view what, std::string_view declaration) {
      return Sentence("dataset ", type_name<Train>(), " of fit does not say the ", what,
                      " of its samples, which policy ", type_name<Sampling>(),
                      " of axis sampling takes; add `", declaration, "` or choose Shuffle.");
    };
    if constexpr (
        requires { requires Sampling::takes_classes; } &&
        !requires(const Train& train) { train.targets(); }) {
      return lacks("classes", "at::Tensor targets() const");
    } else if constexpr (
        requires { requires Sampling::takes_weights; } &&
        !requires(const Train& train) {
          { train.sample_weights() } -> std::convertible_to<std::span<const double>>;
        }) {
      return lacks("weights", "std::span<const double> sample_weights() const");
    } else {
      return {};
    }
  }
  static constexpr Sentence sentence = find();
};

/// Policies that a stream, which comes in its own order and once, cannot follow.
template <class Train, class Loading, class Augmentation, class Sampling, bool Shuffles>
struct StreamMistake {
  static consteval Sentence find() {
    const auto cannot = [](std::string_view why, std::string_view policy, std::string_view axis,
                           std::string_view fix) {
      return Sentence("stream ", type_name<Train>(), " of fit ", why, ", but policy ", policy,
                      " of axis ", axis, " ", fix);
    };
    if constexpr (requires { requires Loading::resident; }) {
      return cannot("has no end that could lie on a device", type_name<Loading>(), "loading",
                    "puts it there; choose Prefetch.");
    } else if constexpr (Augmentation::varies) {
      return cannot("takes no transforms", type_name<Augmentation>(), "augmentation",
                    "varies images; vary them in `next`, or leave the policy out.");
    } else if constexpr (!Shuffles) {
      return cannot("comes in its own order", type_name<Sampling>(), "sampling",
                    "chooses samples; leave it out.");
    } else {
      return {};
    }
  }
  static constexpr Sentence sentence = find();
};

/// A training set that cannot lie on a device, under a loading policy that puts it there.
template <class Train, class Loading>
struct ResidentMistake {
  static constexpr Sentence sentence{
      "dataset ", type_name<Train>(), " of fit cannot lie on a device, but policy ",
      type_name<Loading>(),
      " of axis loading puts it there; add `device_bytes` and `on_device` as "
      "gradus::data::ResidentDataset has them, or choose Prefetch."};
};

}  // namespace gradus
