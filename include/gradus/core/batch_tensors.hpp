/// The tensors of a batch of any form, in one place: pinning, copying, resident data, layout and
/// captured steps all go through it. No torch header is needed here.
#pragma once

#include <gradus/compose/aggregate_members.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus {

namespace detail {

template <class B>
concept NamesTensors = requires { std::tuple_size<decltype(B::tensors())>::value; };

template <class B>
concept TupleLike = requires { std::tuple_size<B>::value; };

/// A range of other things than itself.
template <class B>
concept Collection = std::ranges::input_range<B> &&
                     !std::same_as<std::remove_cvref_t<std::ranges::range_reference_t<B>>, B>;

template <class B>
struct OptionalOf : std::false_type {};
template <class T>
struct OptionalOf<std::optional<T>> : std::true_type {
  using element = T;
};

template <class B>
consteval bool find_tensors();

template <class Tuple, std::size_t... I>
consteval bool find_in_tuple(std::index_sequence<I...>) {
  return (find_tensors<std::remove_cvref_t<std::tuple_element_t<I, Tuple>>>() || ...);
}

template <class... Owners, class... Members>
consteval bool find_in_members(const std::tuple<Members Owners::*...>*) {
  return (find_tensors<Members>() || ...);
}

/// Whether a type is a tensor or holds some.
template <class B>
consteval bool find_tensors() {
  if constexpr (std::is_same_v<B, at::Tensor> || std::is_same_v<B, Batch>) {
    return true;
  } else if constexpr (std::is_array_v<B>) {
    return find_tensors<std::remove_extent_t<B>>();
  } else if constexpr (!std::is_class_v<B>) {
    return false;
  } else if constexpr (NamesTensors<B>) {
    using Members = decltype(B::tensors());
    return find_in_members(static_cast<const Members*>(nullptr));
  } else if constexpr (OptionalOf<B>::value) {
    return find_tensors<typename OptionalOf<B>::element>();
  } else if constexpr (TupleLike<B>) {
    return find_in_tuple<B>(std::make_index_sequence<std::tuple_size_v<B>>());
  } else if constexpr (Collection<B>) {
    return find_tensors<std::ranges::range_value_t<B>>();
  } else if constexpr (std::is_aggregate_v<B> && !std::is_empty_v<B>) {
    using Members = decltype(tie_members(std::declval<B&>()));
    return find_in_tuple<Members>(std::make_index_sequence<std::tuple_size_v<Members>>());
  } else {
    return false;
  }
}

template <class B>
consteval bool find_only_tensors();

template <class Tuple, std::size_t... I>
consteval bool only_in_tuple(std::index_sequence<I...>) {
  return (find_only_tensors<std::remove_cvref_t<std::tuple_element_t<I, Tuple>>>() && ...);
}

template <class B>
consteval bool find_only_tensors() {
  if constexpr (std::is_same_v<B, at::Tensor>) {
    return true;
  } else if constexpr (!std::is_class_v<B>) {
    return false;
  } else if constexpr (TupleLike<B>) {
    return only_in_tuple<B>(std::make_index_sequence<std::tuple_size_v<B>>());
  } else if constexpr (std::is_aggregate_v<B> && !std::is_empty_v<B> && !NamesTensors<B>) {
    using Members = decltype(tie_members(std::declval<B&>()));
    return only_in_tuple<Members>(std::make_index_sequence<std::tuple_size_v<Members>>());
  } else {
    return false;
  }
}

}  // namespace detail

/// A batch: a tensor, or an aggregate of up to 8 members, a tuple, an optional, a vector, a map of
/// such, nested as one likes; what else it holds, numbers say, is carried along. Each tensor has a
/// row for each sample, unless the batch says by a member `packed` that it has not. An aggregate
/// that the compiler cannot look into (bases, C arrays, optional members) names what holds its
/// tensors:
///
///     static constexpr auto tensors() { return std::tuple{&Sentences::ids, &Sentences::mask}; }
template <class B>
concept BatchForm =
    std::copyable<std::remove_cvref_t<B>> && detail::find_tensors<std::remove_cvref_t<B>>();

/// A batch of tensors, tuples and aggregates alone, always as many, so that a graph can hold a step
/// on it.
template <class B>
concept OnlyTensors = BatchForm<B> && detail::find_only_tensors<B>();

/// Calls `visit(tensor)` for each tensor of `batch`, in the order of declaration, of index or of
/// key. The tensors of a batch that is not const may be replaced.
template <class B, class Visit>
void visit_tensors(B& batch, Visit&& visit) {
  using T = std::remove_const_t<B>;
  if constexpr (std::is_same_v<T, at::Tensor>) {
    visit(batch);
  } else if constexpr (!detail::find_tensors<T>()) {
    return;
  } else if constexpr (detail::NamesTensors<T>) {
    std::apply([&](auto... member) { (visit_tensors(batch.*member, visit), ...); }, T::tensors());
  } else if constexpr (detail::OptionalOf<T>::value) {
    if (batch) visit_tensors(*batch, visit);
  } else if constexpr (detail::TupleLike<T>) {
    std::apply([&](auto&... part) { (visit_tensors(part, visit), ...); }, batch);
  } else if constexpr (std::is_array_v<T> || detail::Collection<T>) {
    for (auto& part : batch) visit_tensors(part, visit);
  } else {
    std::apply([&](auto&... member) { (visit_tensors(member, visit), ...); },
               detail::tie_members(batch));
  }
}

/// `batch` with `change(tensor)` in the place of each tensor.
template <class B, class Change>
[[nodiscard]] B with_tensors(B batch, Change&& change) {
  visit_tensors(batch, [&](auto& tensor) {
    if (tensor.defined()) tensor = change(std::as_const(tensor));
  });
  return batch;
}

/// All tensors of `batch`, in order.
template <class B>
[[nodiscard]] auto tensors_of(const B& batch) {
  std::vector<std::conditional_t<true, at::Tensor, B>> tensors;
  visit_tensors(batch, [&](const auto& tensor) { tensors.push_back(tensor); });
  return tensors;
}

/// Rows of one tensor of a batch; 0 if it is undefined or has no dimensions.
[[nodiscard]] inline std::int64_t rows_of(const auto& tensor) {
  return tensor.defined() && tensor.dim() > 0 ? tensor.size(0) : 0;
}

/// Rows of each, as in "3, 4", for errors.
template <class B>
[[nodiscard]] std::string rows_of_all(const B& batch) {
  std::string rows;
  visit_tensors(batch, [&](const auto& tensor) {
    rows += (rows.empty() ? "" : ", ") + std::to_string(rows_of(tensor));
  });
  return rows;
}

namespace detail {

template <class B>
concept SaysItsSize =
    std::is_class_v<B> && !TupleLike<B> && !Collection<B> && requires(const B& batch) {
      { batch.size() } -> std::convertible_to<std::int64_t>;
    };

}  // namespace detail

/// Samples in a batch: what its `size()` says, or the rows of its first tensor.
template <class B>
[[nodiscard]] std::int64_t batch_size(const B& batch) {
  if constexpr (detail::SaysItsSize<B>) {
    return batch.size();
  } else {
    std::optional<std::int64_t> rows;
    visit_tensors(batch, [&](const auto& tensor) {
      if (!rows) rows = rows_of(tensor);
    });
    return rows.value_or(0);
  }
}

}  // namespace gradus
