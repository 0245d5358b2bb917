/// From a trainer type to the list of it without each policy, behind the program's interface.
#pragma once

#include "configuration_of.hpp"
#include "left_out_of.hpp"
#include <gradus/train/edit.hpp>

#include <string>
#include <vector>

namespace cifar10 {

template <class A>
LeftOut left_out(const std::string& name) {
  const std::string axis(A::policy::slot::name);
  const std::string policy(A::policy::name);
  static const ConfigurationOf<typename A::trainer> without(name + " without " + policy, name,
                                                            axis);
  return {axis, policy, &without};
}

template <class... As>
std::vector<LeftOut> left_out_of(Ablations<As...>, const std::string& name) {
  return {left_out<As>(name)...};
}

}  // namespace cifar10
