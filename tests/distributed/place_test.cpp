// Row 79 of the fault matrix: what the environment says of the processes of a run.
#include "../catch.hpp"
#include <gradus/distributed/process_place.hpp>

#include <map>
#include <string>

using Catch::Matchers::ContainsSubstring;
using gradus::DistributedError;
using gradus::ProcessPlace;

namespace {

using Variables = std::map<std::string, std::string>;

ProcessPlace place(const Variables& variables) {
  return gradus::place_from_environment([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

void check_refused(const Variables& variables, const std::string& sentence) {
  CATCH_CHECK_THROWS_AS(place(variables), DistributedError);
  CATCH_CHECK_THROWS_WITH(place(variables), ContainsSubstring(sentence));
}

}  // namespace

CATCH_TEST_CASE("a process that nobody gives a rank is alone") {
  CATCH_CHECK(place({}).size == 1);
  CATCH_CHECK(place({{"MASTER_PORT", "x"}}).size == 1);
  CATCH_CHECK(place({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).size == 1);
}

CATCH_TEST_CASE("what torchrun sets says where a process stands") {
  const auto of = place({{"RANK", "2"},
                         {"WORLD_SIZE", "4"},
                         {"LOCAL_RANK", "1"},
                         {"MASTER_ADDR", "10.1.2.3"},
                         {"MASTER_PORT", "29500"},
                         {"TORCHELASTIC_RESTART_COUNT", "3"},
                         {"TORCHELASTIC_USE_AGENT_STORE", "True"}});
  CATCH_CHECK(of.rank == 2);
  CATCH_CHECK(of.size == 4);
  CATCH_CHECK(of.local_rank == 1);
  CATCH_CHECK(of.address == "10.1.2.3");
  CATCH_CHECK(of.port == 29500);
  CATCH_CHECK(of.attempt == "3");
  CATCH_CHECK(!of.hosts_store);
  CATCH_CHECK(!of.is_local());
}

CATCH_TEST_CASE("without an address processes meet where other machines cannot reach them") {
  const auto of = place({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "1"}});
  CATCH_CHECK(of.address == "127.0.0.1");
  CATCH_CHECK(of.is_local());
  CATCH_CHECK(of.hosts_store);
  CATCH_CHECK(of.attempt == "0");
}

CATCH_TEST_CASE("variables that are missing or no such numbers are refused [row 79]") {
  const Variables whole{{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "29500"}};
  for (const auto& [name, other] :
       Variables{{"RANK", "WORLD_SIZE"}, {"WORLD_SIZE", "RANK"}, {"MASTER_PORT", "WORLD_SIZE"}}) {
    auto variables = whole;
    variables.erase(name);
    check_refused(variables, "has " + other + ", but no " + name);
    variables[name] = "";
    check_refused(variables, "has " + other + ", but no " + name);
    for (const auto* text : {"one", "1.5", "1 ", " 1", "0x1", "-1", "99999999999999999999"}) {
      variables[name] = text;
      check_refused(variables, name + " is '" + text + "'");
    }
  }
  auto variables = whole;
  variables["RANK"] = "2";
  check_refused(variables, "RANK is '2', but it takes a whole number from 0 to 1");
  variables = whole;
  variables["WORLD_SIZE"] = "0";
  check_refused(variables, "WORLD_SIZE is '0', but it takes a whole number from 1 to");
  variables = whole;
  variables["LOCAL_RANK"] = "2";
  check_refused(variables, "LOCAL_RANK is '2'");
  for (const auto* port : {"0", "65536"}) {
    variables = whole;
    variables["MASTER_PORT"] = port;
    check_refused(variables, "from 1 to 65535");
  }
}
