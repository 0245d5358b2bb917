#include "catch.hpp"
#include <gradus/gradus.hpp>

std::string_view const* version_seen_by_the_other_file();

CATCH_TEST_CASE("two files that include the whole library make one program") {
  CATCH_REQUIRE(&gradus::version == version_seen_by_the_other_file());
}
