// expects: policy Spread of axis initialization does not take model Net; give the model a member
// `spread()` or leave the policy out.
#include "mini.hpp"
#include <gradus/policy/initialization/concept.hpp>

struct Spread {
  using slot = slot::initialization;
  static constexpr std::string_view name = "Spread";
  static constexpr std::string_view needs = "a member `spread()`";
  static constexpr auto fields() { return no_fields; }
  template <class Model>
    requires requires(Model& model) { model->spread(); }
  void initialize(Model& model) const;
};

Trainer<Net, Spread> trainer;
