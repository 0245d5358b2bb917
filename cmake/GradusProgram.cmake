# What gradus's own programs and tests share: warnings, a precompiled header, ccache, the build record.

option(GRADUS_PCH "Precompile torch/torch.h once for all programs and tests" ON)
set(GRADUS_SANITIZE "" CACHE STRING "Sanitizers for programs and tests, such as address,undefined")
option(GRADUS_WERROR "Make warnings errors in programs and tests" OFF)

if(GRADUS_SANITIZE)
  # LibTorch is not compiled with type information for it.
  add_compile_options(-fsanitize=${GRADUS_SANITIZE} -fno-sanitize=vptr -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GRADUS_SANITIZE})
endif()

find_program(GRADUS_CCACHE ccache DOC "Compiler cache, used where it is there")
if(GRADUS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The two words let ccache serve what includes a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros "${GRADUS_CCACHE}")
endif()

add_library(gradus_warnings INTERFACE)
target_compile_options(gradus_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${GRADUS_WERROR}>:-Werror>
  $<$<AND:$<BOOL:${GRADUS_CCACHE}>,$<CXX_COMPILER_ID:GNU>>:-fpch-preprocess>)

# gradus_add_pch(<target> [<header>...]): the precompiled header of this folder's programs and of those below
# it: torch and JSON, and then those.
function(gradus_add_pch target)
  if(GRADUS_PCH)
    file(CONFIGURE OUTPUT pch.cpp CONTENT "// Nothing but the precompiled header.\n")
    add_library(${target} OBJECT "${CMAKE_CURRENT_BINARY_DIR}/pch.cpp")
    target_link_libraries(${target} PRIVATE gradus::gradus gradus_warnings)
    # Torch comes first: it defines macros that what follows must not see changed.
    target_precompile_headers(${target} PRIVATE <torch/torch.h> <nlohmann/json.hpp> ${ARGN})
    set(gradus_pch_target ${target} PARENT_SCOPE)
  endif()
endfunction()
gradus_add_pch(gradus_pch)

# gradus_precompile(<target>): it is compiled with that header.
function(gradus_precompile target)
  if(GRADUS_PCH)
    target_precompile_headers(${target} REUSE_FROM ${gradus_pch_target})
  endif()
endfunction()

# gradus_program(<target> <source>...): an executable that uses gradus.
function(gradus_program target)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE gradus::gradus gradus_warnings)
  gradus_precompile(${target})
endfunction()

# gradus_record_build(<target>): gives it gradus_build_info.hpp, with the commit it was built from.
function(gradus_record_build target)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/build_info")
  set(types "${CMAKE_BUILD_TYPE}")
  if(CMAKE_CONFIGURATION_TYPES)  # as of Ninja Multi-Config: a file for each
    set(types ${CMAKE_CONFIGURATION_TYPES})
    string(APPEND folder "/$<CONFIG>")
  endif()
  set(flags "${CMAKE_CXX_FLAGS}")
  foreach(type IN LISTS types)
    string(TOUPPER "${type}" upper)
    string(APPEND flags "$<$<CONFIG:${type}>: ${CMAKE_CXX_FLAGS_${upper}}>")
  endforeach()
  add_custom_target(${target}_build_info BYPRODUCTS "${folder}/gradus_build_info.hpp"
    COMMAND "${CMAKE_COMMAND}" "-DSOURCE=${PROJECT_SOURCE_DIR}" "-DOUTPUT=${folder}/gradus_build_info.hpp"
      "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" "-DFLAGS=${flags}"
      -P "${PROJECT_SOURCE_DIR}/cmake/WriteBuildInfo.cmake"
    COMMENT "" VERBATIM)
  add_dependencies(${target} ${target}_build_info)
  target_include_directories(${target} PRIVATE "${folder}")
endfunction()
