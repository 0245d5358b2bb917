/// The table of a policy's numbers in its page.
#pragma once

#include "../catch.hpp"
#include "../folder.hpp"
#include <gradus/settings/field_table.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace gradus::test {

/// With GRADUS_UPDATE_DOCS set, a table that differs is written into its page.
template <class P>
void check_table() {
  const auto file =
      std::filesystem::path(GRADUS_DOCS) / "axes" / (std::string(P::slot::name) + ".md");
  const auto begin = "<!-- table: " + std::string(P::name) + " -->\n";
  auto page = text_of(file);
  const auto from = page.find(begin);
  CATCH_REQUIRE(from != std::string::npos);
  const auto to = page.find("<!-- end -->", from);
  CATCH_REQUIRE(to != std::string::npos);
  const auto shown = page.substr(from + begin.size(), to - from - begin.size());
  if (shown != field_table<P>() && std::getenv("GRADUS_UPDATE_DOCS") != nullptr) {
    std::ofstream(file) << page.replace(from + begin.size(), shown.size(), field_table<P>());
    return;
  }
  CATCH_INFO("run this test once with GRADUS_UPDATE_DOCS=1 to renew " << file);
  CATCH_CHECK(shown == field_table<P>());
}

}  // namespace gradus::test
