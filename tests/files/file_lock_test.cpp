#include "catch.hpp"
#include "folder.hpp"
#include <gradus/core/stop_request.hpp>
#include <gradus/files/file_lock.hpp>

#include <csignal>
#include <optional>
#include <string>
#include <unistd.h>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

CATCH_TEST_CASE("a lock is held once, names its owner, and is free again when it ends") {
  const test::Folder folder;
  std::optional<FileLock> first(folder / "deep/lock");
  try {
    const FileLock second(folder / "deep/lock");
    CATCH_FAIL("two locks at once");
  } catch (const ResourceError& error) {
    CATCH_CHECK_THAT(error.what(), ContainsSubstring("is in use by another run (process " +
                                                     std::to_string(::getpid()) + ")"));
  }
  first.reset();
  CATCH_CHECK_NOTHROW(FileLock(folder / "deep/lock"));
}

CATCH_TEST_CASE("signals ask once, and everything is as before afterwards") {
  StopRequest request;
  struct sigaction before{};
  ::sigaction(SIGTERM, nullptr, &before);
  {
    const StopSignals signals(request);
    ::raise(SIGHUP);
    ::raise(SIGPIPE);
    CATCH_CHECK_FALSE(request.asked());
    CATCH_CHECK(StopSignals::number() == 0);
    ::raise(SIGTERM);
    CATCH_CHECK(request.asked());
    CATCH_CHECK(StopSignals::number() == SIGTERM);
  }
  struct sigaction after{};
  ::sigaction(SIGTERM, nullptr, &after);
  CATCH_CHECK(before.sa_handler == after.sa_handler);
}
