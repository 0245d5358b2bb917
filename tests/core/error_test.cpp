#include "catch.hpp"
#include <gradus/error.hpp>

using namespace gradus;

CATCH_TEST_CASE("each kind of error has the exit code that scripts rely on") {
  const auto code_of = [](const Error& error) { return static_cast<int>(error.code()); };
  CATCH_CHECK(code_of(UsageError("x")) == 2);
  CATCH_CHECK(code_of(ConfigurationError("x")) == 3);
  CATCH_CHECK(code_of(DataError("x")) == 4);
  CATCH_CHECK(code_of(CheckpointError("x")) == 5);
  CATCH_CHECK(code_of(NumericError("x")) == 6);
  CATCH_CHECK(code_of(ResourceError("x")) == 7);
  CATCH_CHECK(code_of(CheckError("x")) == 9);
  CATCH_CHECK(code_of(Stopped("x")) == 75);
}
