#include <gradus/gradus.hpp>

#include "catch.hpp"

std::string_view const* version_seen_by_the_other_file();

CATCH_TEST_CASE("two files that include the whole library make one program") {
  CATCH_REQUIRE(&gradus::version == version_seen_by_the_other_file());
}
