# Finds what gradus needs, for gradusConfig.cmake and gradus.cps. What is found nowhere else is taken from where
# gradus itself was configured with it, its cache say. Nothing is downloaded, unless GRADUS_FETCH is on, as it is
# in Python's package: then range-v3 and nlohmann_json are, into the cache.

cmake_policy(VERSION 3.25...4.4)
include(CMakeFindDependencyMacro)
set(_gradus_dir "${CMAKE_CURRENT_LIST_DIR}/../gradus")
include("${_gradus_dir}/gradusPackages.cmake")
# Not kept in the cache: this build folder may find another gradus later.
set(_gradus_fetch ${_gradus_wheel})
if(DEFINED GRADUS_FETCH)
  set(_gradus_fetch ${GRADUS_FETCH})
endif()
if(_gradus_fetch)
  include("${_gradus_dir}/GradusCache.cmake")
  include("${_gradus_dir}/GradusFetchHeaders.cmake")
endif()
# Where the project has made range-v3 or nlohmann_json itself (FetchContent, add_subdirectory), its target is used.
macro(_gradus_find package version place)
  if(NOT TARGET ${package}::${package} OR ${package}_FOUND OR "${ARGN}" STREQUAL "MODULE")
    find_package(${package} ${version} QUIET ${ARGN})
    if(NOT ${package}_FOUND AND EXISTS "${_gradus_${package}}")
      set(${place} "${_gradus_${package}}")
    elseif(NOT ${package}_FOUND AND DEFINED GRADUS_NEEDS_${package})
      gradus_require(${package} ${GRADUS_NEEDS_${package}})
    endif()
    find_dependency(${package} ${version} ${ARGN})
  endif()
endmacro()

list(PREPEND CMAKE_MODULE_PATH "${_gradus_dir}")
_gradus_find(LibTorch 2.11.0 LibTorch_ROOT MODULE)
list(POP_FRONT CMAKE_MODULE_PATH)
_gradus_find(range-v3 0.12.0 range-v3_DIR)
_gradus_find(nlohmann_json 3.11 nlohmann_json_DIR)
find_dependency(Threads)
if(NOT TARGET gradusRequires::gradusRequires)
  add_library(gradusRequires::gradusRequires INTERFACE IMPORTED)
  target_link_libraries(gradusRequires::gradusRequires INTERFACE
    LibTorch::LibTorch range-v3::range-v3 nlohmann_json::nlohmann_json Threads::Threads ${CMAKE_DL_LIBS})
endif()
