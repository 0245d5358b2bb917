# Included by a folder: from here on clang 19 compiles it and the folders below, in a third of the time of
# g++: tests, and of the examples what the test of the program itself can do without. docs/why/dependencies.md
# says why. Nothing changes without clang 19, under a sanitizer, or where the compiler is a clang already.

set(GRADUS_TESTS_COMPILER clang CACHE STRING
  "What compiles the tests: clang (version 19, where it is or can be fetched) or same (CMAKE_CXX_COMPILER)")
set_property(CACHE GRADUS_TESTS_COMPILER PROPERTY STRINGS clang same)
if(NOT GRADUS_TESTS_COMPILER MATCHES "^(clang|same)$")
  message(FATAL_ERROR "GRADUS_TESTS_COMPILER is ${GRADUS_TESTS_COMPILER}, but must be clang or same.")
endif()
if(GRADUS_TESTS_COMPILER STREQUAL "same" OR GRADUS_SANITIZE OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  return()
endif()
gradus_find_clang(clang clang_flags clang_libraries)
if(NOT clang)
  message(STATUS "The tests are compiled by ${CMAKE_CXX_COMPILER}: clang 19 is not installed and cannot be fetched")
  return()
endif()

# Named as ccache and readers expect. Only the compiler sees the libraries, not what starts it.
set(wrapper "${PROJECT_BINARY_DIR}/clang/clang++")
list(TRANSFORM clang_flags REPLACE "(.+)" "\"\\1\"")
list(JOIN clang_flags " " clang_flags)
file(CONFIGURE OUTPUT "${wrapper}" @ONLY CONTENT [[#!/bin/sh
LD_LIBRARY_PATH="@clang_libraries@" exec "@clang@" @clang_flags@ "$@"
]])
file(CHMOD "${wrapper}" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
if(NOT TARGET gradus_tests_pch)
  message(STATUS "The tests are compiled by clang 19: GRADUS_TESTS_COMPILER=same for ${CMAKE_CXX_COMPILER}")
endif()

# What CMake's Modules/Compiler/Clang.cmake sets, for this folder alone. Objects are linked as before:
# the standard library is the same.
set(CMAKE_CXX_COMPILER_ID Clang)  # of which generator expressions ask
set(CMAKE_CXX_COMPILER_VERSION 19)
set(CMAKE_CXX_COMPILE_OBJECT "\"${wrapper}\" <DEFINES> <INCLUDES> <FLAGS> -o <OBJECT> -c <SOURCE>")
set(CMAKE_PCH_EXTENSION .pch)
set(CMAKE_PCH_PROLOGUE "#pragma clang system_header")
unset(CMAKE_CXX_COMPILE_OPTIONS_INVALID_PCH)
set(CMAKE_CXX_COMPILE_OPTIONS_INSTANTIATE_TEMPLATES_PCH -fpch-instantiate-templates)
set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH
  -Xclang -include-pch -Xclang <PCH_FILE> -Xclang -include -Xclang <PCH_HEADER>)
set(CMAKE_CXX_COMPILE_OPTIONS_CREATE_PCH
  -Xclang -emit-pch -Xclang -include -Xclang <PCH_HEADER> -x c++-header)
if(GRADUS_CCACHE)  # which then finds what includes a precompiled header that was made again
  list(APPEND CMAKE_CXX_COMPILE_OPTIONS_CREATE_PCH -Xclang -fno-pch-timestamp)
endif()
# Without optimization clang takes half as long.
add_compile_options($<$<CONFIG:Debug>:-O0>)
# With all of gradus in the header that is precompiled, a test takes two thirds of the time, and each change of a
# header compiles every test again: GRADUS_TESTS_PCH=torch is for those who work on one.
set(GRADUS_TESTS_PCH gradus CACHE STRING "What is precompiled for the tests: torch, or all of gradus too")
set_property(CACHE GRADUS_TESTS_PCH PROPERTY STRINGS gradus torch)
if(NOT GRADUS_TESTS_PCH MATCHES "^(gradus|torch)$")
  message(FATAL_ERROR "GRADUS_TESTS_PCH is ${GRADUS_TESTS_PCH}, but must be gradus or torch.")
endif()
if(TARGET gradus_tests_pch)
  set(gradus_pch_target gradus_tests_pch)
elseif(GRADUS_TESTS_PCH STREQUAL "gradus")
  gradus_add_pch(gradus_tests_pch <gradus/gradus.hpp>)
else()
  gradus_add_pch(gradus_tests_pch)
endif()
if(TARGET gradus_tests_pch)  # clang reports what the standard library of g++ 12 deprecates in its own std::stable_sort
  target_compile_options(gradus_tests_pch PRIVATE -Wno-deprecated-declarations)
endif()
