/// The axes a policy can fill, as tags, and what makes a type a policy. No torch header is needed
/// here.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

namespace gradus {

/// One tag per axis. Its name is the folder under `policy/` and the first half of
/// `axis.field=value`.
namespace slot {

struct precision {
  static constexpr std::string_view name = "precision";
};
struct accumulation {
  static constexpr std::string_view name = "accumulation";
};
struct optimizer {
  static constexpr std::string_view name = "optimizer";
};
struct schedule {
  static constexpr std::string_view name = "schedule";
};
struct sharing {
  static constexpr std::string_view name = "sharing";
};
struct loading {
  static constexpr std::string_view name = "loading";
};
struct sampling {
  static constexpr std::string_view name = "sampling";
};
struct augmentation {
  static constexpr std::string_view name = "augmentation";
};
struct layout {
  static constexpr std::string_view name = "layout";
};
struct resolution {
  static constexpr std::string_view name = "resolution";
};
struct loss {
  static constexpr std::string_view name = "loss";
};
struct task {
  static constexpr std::string_view name = "task";
};
struct metric {
  static constexpr std::string_view name = "metric";
  static constexpr bool allows_several = true;
};
struct initialization {
  static constexpr std::string_view name = "initialization";
};
struct freezing {
  static constexpr std::string_view name = "freezing";
};
struct mixing {
  static constexpr std::string_view name = "mixing";
};
struct clipping {
  static constexpr std::string_view name = "clipping";
};
struct averaging {
  static constexpr std::string_view name = "averaging";
};
struct guard {
  static constexpr std::string_view name = "guard";
};
struct stopping {
  static constexpr std::string_view name = "stopping";
};
struct execution {
  static constexpr std::string_view name = "execution";
};
struct kernels {
  static constexpr std::string_view name = "kernels";
};
struct distribution {
  static constexpr std::string_view name = "distribution";
};

}  // namespace slot

/// An aggregate of hyperparameters that says which axis it fills (`using slot = slot::optimizer;`,
/// the opt-in), what it is called (`static constexpr std::string_view name`) and which numbers it
/// has (`static constexpr auto fields()`, see compose/field.hpp).
template <class P>
concept Policy = std::is_aggregate_v<P> && std::is_default_constructible_v<P> && requires {
  { P::slot::name } -> std::convertible_to<std::string_view>;
  { P::name } -> std::convertible_to<std::string_view>;
  P::fields();
};

/// A policy of one axis.
template <class P, class Slot>
concept PolicyOf = Policy<P> && std::is_same_v<typename P::slot, Slot>;

/// A policy type with numbers of its own as defaults: `Preset<AdamW{.lr = 0.02}>` stands wherever
/// `AdamW` could, so that an alias is a complete configuration. Numbers can still be set at run
/// time.
template <auto Values>
struct Preset {
  using policy = std::remove_cvref_t<decltype(Values)>;
  static constexpr policy values = Values;
};

}  // namespace gradus
