/// The laws of each axis as Catch2 checks, for the policies of gradus and for one's own. Needs
/// Catch2, version 2 or 3, whose macros bear the prefix CATCH_ here: torch has a macro CHECK.
#pragma once

#include <gradus/testing/common_laws.hpp>
#include <gradus/testing/control_laws.hpp>
#include <gradus/testing/data_laws.hpp>
#include <gradus/testing/extension_laws.hpp>
#include <gradus/testing/memory_forms.hpp>
#include <gradus/testing/memory_laws.hpp>
#include <gradus/testing/model_laws.hpp>
#include <gradus/testing/optimizer_laws.hpp>
#include <gradus/testing/run_laws.hpp>
#include <gradus/testing/schedule_laws.hpp>
#include <gradus/testing/step_laws.hpp>
#include <gradus/testing/task_laws.hpp>

#include <string>
#include <string_view>

#ifndef CATCH_CONFIG_PREFIX_ALL
#define CATCH_CONFIG_PREFIX_ALL
#endif
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

namespace gradus::testing {

/// Fails the running test case once for each law that policy `name` breaks.
inline void check(const BrokenLaws& laws, std::string_view name) {
  for (const auto& sentence : laws.sentences()) {
    CATCH_INFO("policy " << name << " breaks the law: " << sentence);
    CATCH_CHECK(false);
  }
  CATCH_SUCCEED();
}

/// Checks the laws of every policy and those of its axis:
///
///     CATCH_TEMPLATE_TEST_CASE("my policies keep the laws", "", Ramp, Adagrad, GradientNoise) {
///       gradus::testing::check_laws<TestType>();
///     }
template <Policy P>
void check_laws(const P& policy = {}) {
  BrokenLaws laws;
  number_laws(laws, policy);
  axis_laws(typename P::slot(), laws, policy);
  check(laws, P::name);
}

/// Checks that with these policies a run leaves nothing behind for the next one but weights:
///
///     gradus::testing::check_run_laws<EMA, Preset<EarlyStop{.patience = 2}>>();
template <class... Ps>
void check_run_laws() {
  BrokenLaws laws;
  run_laws<Ps...>(laws);
  std::string names;
  ((names += (names.empty() ? "" : ", ") + std::string(policy_t<Ps>::name)), ...);
  check(laws, names);
}

/// Checks a task on a model and a dataset that it is for, and the batches of that:
///
///     gradus::testing::check_laws(TwoInputs(), Net(), Pairs(), gradus::SquaredError());
template <PolicyOf<slot::task> P, class Model, class Data, class Loss>
void check_laws(const P& policy, Model model, const Data& data, const Loss& loss) {
  BrokenLaws laws;
  number_laws(laws, policy);
  task_laws(laws, policy, model, data, loss);
  batch_laws(laws, data);
  check(laws, P::name);
}

/// Checks a stream, which `open()` opens at its beginning:
///
///     gradus::testing::check_stream_laws([] { return Readings("measured.csv"); });
template <class Open>
void check_stream_laws(Open open) {
  BrokenLaws laws;
  stream_laws(laws, open);
  check(laws, type_name<decltype(open())>());
}

/// Checks a sharing policy in the model that `fresh()` makes.
template <PolicyOf<slot::sharing> P, class MakeModel>
void check_laws(const P& policy, MakeModel fresh) {
  BrokenLaws laws;
  number_laws(laws, policy);
  sharing_laws(laws, policy, fresh);
  check(laws, P::name);
}

/// Checks an initialization policy on the model that `fresh()` makes, always with the same seed.
template <PolicyOf<slot::initialization> P, class MakeModel>
void check_laws(const P& policy, MakeModel fresh) {
  BrokenLaws laws;
  number_laws(laws, policy);
  initialization_laws(laws, policy, fresh);
  check(laws, P::name);
}

}  // namespace gradus::testing
