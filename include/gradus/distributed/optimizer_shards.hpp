/// An optimizer's state, divided over the ranks of a run.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/core/tensor_fingerprint.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/distributed/share_state.hpp>
#include <gradus/error.hpp>

#include <nlohmann/json.hpp>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// A state that is not one of parameters alone, thrown on all ranks alike.
class UndividedState : public ConfigurationError {
  using ConfigurationError::ConfigurationError;
};

/// Each parameter is owned by one rank, which alone keeps its optimizer state and updates it, and
/// then gives its values to the others. Source: Rajbhandari et al. 2020, "ZeRO", stage 1; whole
/// parameters, as in PyTorch's ZeroRedundancyOptimizer, since optimizers may need whole matrices.
class OptimizerShards {
 public:
  /// The place of the parameter that an entry of the state belongs to, by the entry's name; nothing
  /// for one of no parameter.
  using PlaceOf = std::function<std::optional<std::size_t>(const std::string&)>;

  OptimizerShards(const std::vector<NamedTensor>& parameters, Communicator& ranks)
      : ranks_(&ranks), parameters_(parameters), owners_(parameters.size()) {
    std::vector<std::size_t> places(parameters.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    const auto elements = [&](std::size_t place) { return parameters[place].tensor.numel(); };
    std::ranges::stable_sort(places, std::greater(), elements);
    std::vector<std::int64_t> held(static_cast<std::size_t>(ranks.size()));
    for (const auto place : places) {
      const auto least = std::ranges::min_element(held);
      *least += elements(place);
      owners_[place] = least - held.begin();
    }
  }

  [[nodiscard]] bool holds(std::size_t place) const { return owners_[place] == ranks_->rank(); }

  /// For the optimizer of this rank: those of others are frozen, and never have a gradient.
  [[nodiscard]] std::vector<NamedTensor> parameters() const {
    auto list = parameters_;
    for (std::size_t place = 0; place < list.size(); ++place) {
      if (!holds(place)) list[place].tensor = list[place].tensor.detach();
    }
    return list;
  }

  /// Behind a step: each rank's parameters to all.
  void share_weights() const {
    const at::NoGradGuard no_grad;
    for (std::int64_t owner = 0; owner < ranks_->size(); ++owner) {
      std::map<c10::ScalarType, std::vector<at::Tensor>> of_owner;
      for (std::size_t place = 0; place < owners_.size(); ++place) {
        const auto& parameter = parameters_[place].tensor;
        if (owners_[place] != owner || !parameter.requires_grad() || parameter.numel() == 0)
          continue;
        of_owner[parameter.scalar_type()].push_back(real_parts(parameter.detach()));
      }
      for (const auto& [type, weights] : of_owner) broadcast(weights, owner);
    }
  }

  /// The whole state, on the CPU, of which each rank has `own`. A joint call; what it gives is
  /// empty where this rank does not `keep` it. Throws UndividedState, on all ranks, for an entry
  /// whose owner has none, and for one of no parameter that differs from rank to rank.
  [[nodiscard]] StateDict whole(const StateDict& own, const PlaceOf& place_of, bool keep) const;

  /// What this rank takes of a whole state: entries of its own parameters and of none, and those
  /// that `own`, its state so far, has too.
  [[nodiscard]] StateDict part(const StateDict& whole, const StateDict& own,
                               const PlaceOf& place_of) const {
    std::vector<NamedTensor> entries;
    for (const auto& entry : whole.entries()) {
      const auto place = place_of(entry.name);
      const bool is_known = !place || *place >= owners_.size() || holds(*place);
      if (is_known || own.has(entry.name)) entries.push_back(entry);
    }
    return StateDict(std::move(entries));
  }

  /// The first rank calls `act`, while the others wait, and call `help` as often as it asks. An
  /// UndividedState ends the others only if it ends `act`.
  template <class Act, class Help>
  void first_acts(const Act& act, const Help& help) {
    if (ranks_->rank() != 0) return wait_and(help);
    others_wait_ = true;
    try {
      act();
    } catch (const UndividedState&) {
      others_wait_ = false;
      static_cast<void>(agreed(Turn::refuse));
      throw;
    } catch (...) {
      others_wait_ = false;
      throw;
    }
    others_wait_ = false;
    static_cast<void>(agreed(Turn::end));
  }
  /// Within `act`: what follows is a joint call. Elsewhere all ranks make it anyway.
  void ask_for_help() const {
    if (others_wait_) static_cast<void>(agreed(Turn::help));
  }

 private:
  /// What the others do next while the first rank acts.
  enum class Turn : std::uint8_t { end, help, refuse };

  /// That of the first rank.
  [[nodiscard]] Turn agreed(Turn here) const {
    const auto turn = at::zeros({1}, at::kLong).fill_(static_cast<std::int64_t>(here));
    ranks_->broadcast(turn, 0);
    return static_cast<Turn>(turn.item<std::int64_t>());
  }

  template <class Help>
  void wait_and(const Help& help) const {
    std::exception_ptr refusal;
    for (;;) {
      const auto turn = agreed(Turn::end);
      if (turn == Turn::end) return;
      if (turn == Turn::refuse && refusal) std::rethrow_exception(refusal);
      try {
        help();
      } catch (const UndividedState&) {
        refusal = std::current_exception();
      }
    }
  }

  /// Tensors of one type, as one message.
  void broadcast(const std::vector<at::Tensor>& weights, std::int64_t owner) const {
    std::vector<at::Tensor> flat;
    for (const auto& weight : weights) flat.push_back(in_memory_order(weight).reshape({-1}));
    const auto message = at::cat(flat);
    ranks_->broadcast(message, owner);
    if (owner == ranks_->rank()) return;
    std::vector<at::Tensor> to, from;
    std::int64_t first = 0;
    for (const auto& weight : weights) {
      to.push_back(in_memory_order(weight));
      from.push_back(message.narrow(0, first, weight.numel()).view(to.back().sizes()));
      first += weight.numel();
    }
    at::_foreach_copy_(to, from);
  }
  /// Dense ones as they lie, [elements]; others in their shape.
  static at::Tensor in_memory_order(const at::Tensor& weight) {
    return weight.is_non_overlapping_and_dense() ? weight.as_strided({weight.numel()}, {1})
                                                 : weight;
  }

  Communicator* ranks_;
  std::vector<NamedTensor> parameters_;
  std::vector<std::int64_t> owners_;  ///< ranks, by place
  bool others_wait_ = false;
};

inline StateDict OptimizerShards::whole(const StateDict& own, const PlaceOf& place_of,
                                        bool keep) const {
  std::map<std::string, at::Tensor> held;
  auto listed = nlohmann::json::array();
  for (const auto& [name, tensor] : own.entries()) {
    const auto values = held[name] = tensor.cpu().contiguous();
    const auto place = place_of(name).value_or(owners_.size());
    const bool divided = place < owners_.size();
    listed.push_back({name, static_cast<int>(values.scalar_type()), values.sizes().vec(),
                      divided ? static_cast<std::int64_t>(place) : -1,
                      divided ? 0 : fingerprint_of(values)});
  }
  std::vector<nlohmann::json> of_ranks;
  for (const auto& text : ranks_->exchange(listed.dump())) {
    of_ranks.push_back(nlohmann::json::parse(text));
  }
  const auto refuse = [](const std::string& name, const char* why) {
    throw UndividedState("the optimizer's state cannot be divided over ranks: '" + name + "' " +
                         why + "; set distribution.shard_optimizer to false.");
  };
  struct Entry {
    nlohmann::json form;
    bool owner_has = false;
  };
  std::vector<std::string> order;
  std::map<std::string, Entry> all;
  for (std::int64_t rank = 0; rank < ranks_->size(); ++rank) {
    for (const auto& form : of_ranks[static_cast<std::size_t>(rank)]) {
      const auto name = form[0].get<std::string>();
      const auto place = form[3].get<std::int64_t>();
      const auto [known, is_new] = all.try_emplace(name, Entry{form});
      if (is_new) order.push_back(name);
      auto& entry = known->second;
      if (place < 0 && form != entry.form) refuse(name, "belongs to no parameter and differs");
      const bool is_owner =
          place < 0 ? rank == 0 : owners_.at(static_cast<std::size_t>(place)) == rank;
      if (is_owner) entry = {form, true};
    }
  }
  std::vector<NamedTensor> entries;
  for (const auto& name : order) {
    const auto& [form, owner_has] = all[name];
    if (!owner_has) refuse(name, "is not there on the rank that its parameter belongs to");
    const auto place = form[3].get<std::int64_t>();
    const auto from = place < 0 ? 0 : owners_[static_cast<std::size_t>(place)];
    auto tensor = from == ranks_->rank()
                      ? held[name]
                      : at::empty(form[2].get<std::vector<std::int64_t>>(),
                                  static_cast<c10::ScalarType>(form[1].get<int>()));
    share_values(*ranks_, tensor, from);
    if (keep) entries.push_back({name, std::move(tensor)});
  }
  return StateDict(std::move(entries));
}

}  // namespace gradus
