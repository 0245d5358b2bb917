# Run at each build: writes which commit, compiler and flags made it; touches the file only on a change.

set(commit unknown)
find_program(git git NO_CACHE)
if(git)
  # A copy without .git inside somebody else's repository must not show that one's commit.
  execute_process(COMMAND "${git}" -C "${SOURCE}" rev-parse --show-toplevel
    OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  get_filename_component(source "${SOURCE}" REALPATH)
  if(top STREQUAL source)
    execute_process(COMMAND "${git}" -C "${SOURCE}" rev-parse --verify --quiet HEAD
      OUTPUT_VARIABLE head OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    execute_process(COMMAND "${git}" -C "${SOURCE}" status --porcelain --untracked-files=no
      OUTPUT_VARIABLE changes ERROR_QUIET)
    if(head AND changes)
      set(commit "${head}-dirty")
    elseif(head)
      set(commit "${head}")
    endif()
  endif()
endif()

string(STRIP "${FLAGS}" FLAGS)
file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT [[
// Made by cmake/WriteBuildInfo.cmake.
#pragma once

#include <string_view>

namespace gradus_build_info {

inline constexpr std::string_view commit = "@commit@";  // with "-dirty" if tracked files differ
inline constexpr std::string_view compiler = "@COMPILER@";
inline constexpr std::string_view flags = R"flags(@FLAGS@)flags";

}  // namespace gradus_build_info
]])
