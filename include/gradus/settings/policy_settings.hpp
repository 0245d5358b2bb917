/// A trainer's policies to and from JSON, by axis: `{"optimizer": {"policy": "AdamW", "lr":
/// 0.02}}`.
#pragma once

#include <gradus/compose/policy_set.hpp>
#include <gradus/settings/dump.hpp>
#include <gradus/settings/settings.hpp>

#include <string>
#include <vector>

namespace gradus {

/// How settings call the axis of `P`: by its name, or, where the axis holds several policies, as
/// "axis/Policy".
template <class P>
std::string axis_key() {
  std::string key(P::slot::name);
  if constexpr (requires { requires P::slot::allows_several; }) {
    key.append("/").append(P::name);
  }
  return key;
}

namespace detail {

// Of one policy, so that they are compiled once for it and not once for each set that has it.
template <class P>
void add_policy(nlohmann::ordered_json& policies, const P& policy) {
  policies[axis_key<P>()] = policy_to_json(policy);
}

template <class P>
void set_field_or_name(P& policy, const std::string& axis, const std::string& field,
                       const nlohmann::json& value) {
  if (field != "policy") {
    set_field(policy, field, value);
  } else if (value != std::string(P::name)) {
    throw ConfigurationError(axis + ".policy is " + dump(value) + ", but this configuration has " +
                             std::string(P::name) +
                             "; policies are chosen by the type, choose "
                             "another configuration.");
  }
}

}  // namespace detail

/// Every axis with its policy's name and all its numbers, in canonical order.
template <class... Ps>
nlohmann::ordered_json policies_to_json(const PolicySet<Ps...>& policies) {
  auto json = nlohmann::ordered_json::object();
  policies.for_each([&](const auto& policy) { detail::add_policy(json, policy); });
  return json;
}

/// Sets one number, such as axis "optimizer", field "lr". Throws ConfigurationError for an unknown
/// axis or field (with the nearest known name), a wrong type or a value out of range. Setting the
/// field "policy" to the name that the type has is allowed and changes nothing.
template <class... Ps>
void set_policy_field(PolicySet<Ps...>& policies, const std::string& axis, const std::string& field,
                      const nlohmann::json& value) {
  bool found = false;
  std::vector<std::string> axes;
  policies.for_each([&]<class P>(P& policy) {
    axes.push_back(axis_key<P>());
    if (axes.back() != axis) return;
    found = true;
    detail::set_field_or_name(policy, axis, field, value);
  });
  if (!found) throw ConfigurationError("'" + axis + "' is not an axis" + suggestion(axis, axes));
}

}  // namespace gradus
