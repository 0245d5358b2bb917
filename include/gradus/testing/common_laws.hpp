/// Laws of every policy: its numbers, and its run state.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/settings/settings.hpp>
#include <gradus/testing/broken_laws.hpp>

#include <set>
#include <string>
#include <type_traits>

namespace gradus::testing {

/// The declared numbers are all there is: they go to JSON and back, the defaults are within their
/// ranges, what is outside is refused, and a policy without numbers is empty.
template <class P>
void number_laws(BrokenLaws& laws, const P& policy = {}) {
  const auto throws = [](auto&& action) {
    try {
      action();
    } catch (const ConfigurationError&) {
      return true;
    }
    return false;
  };
  laws.law(!throws([&] { check_fields(policy); }), "its defaults are within their ranges");

  std::set<std::string> names;
  const auto json = policy_to_json(policy);
  P copy = policy;
  for_each_field<P>([&](const auto& field) {
    const std::string name(field.name);
    laws.law(names.insert(name).second, "no two numbers are called '" + name + "'");
    laws.law(!field.meaning.empty(), "'" + name + "' says what it means");
    laws.law(!throws([&] { set_field(copy, name, json[name]); }),
             "'" + name + "' takes back what it gave as JSON");
    if (std::isfinite(field.range.low)) {
      laws.law(throws([&] { set_field(copy, name, field.range.low - 1); }),
               "'" + name + "' refuses what is below its range");
    }
    laws.law(throws([&] { set_field(copy, name, "no such value"); }),
             "'" + name + "' refuses a word that it does not know");
  });
  laws.law(policy_to_json(copy) == json, "its numbers survive the way to JSON and back");
  laws.law(throws([&] { set_field(copy, "no_such_number", 1); }), "it refuses an unknown number");
  laws.law(!names.empty() || std::is_empty_v<P>, "it has no member that it does not declare");
}

/// What `save` puts down and `load` takes up is the same state: saving again gives the same bits.
template <class P>
void state_laws(BrokenLaws& laws, const P& policy, const state_of<P>& used, state_of<P> fresh) {
  if constexpr (!std::is_empty_v<state_of<P>>) {
    StateDict first;
    policy.save(used, first);
    policy.load(fresh, first);
    StateDict second;
    policy.save(fresh, second);
    bool same = first.entries().size() == second.entries().size();
    for (std::size_t i = 0; same && i < first.entries().size(); ++i) {
      const auto& [name, tensor] = first.entries()[i];
      const auto& [other_name, other] = second.entries()[i];
      same = name == other_name && tensor.equal(other);
    }
    laws.law(same, "its state, loaded and saved again, is the same bit for bit");
  }
}

}  // namespace gradus::testing
