// expects: policy Tied of axis sharing does not take model mini::Net; give the model a member
// `pair()` or leave the policy out.
#include "mini.hpp"

template <class Model>
concept OffersPair = requires(Model& model) { model->pair(); };
struct Tied {
  using slot = slot::sharing;
  static constexpr std::string_view name = "Tied";
  static constexpr std::string_view needs = "a member `pair()`";
  static constexpr auto fields() { return no_fields; }
  template <OffersPair Model>
  void tie(Model&) const {}
};
Trainer<Net, Tied> trainer;
