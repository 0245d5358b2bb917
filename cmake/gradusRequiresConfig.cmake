# Finds what gradus needs, for gradusConfig.cmake and gradus.cps. What is found nowhere else is taken from where
# gradus itself was configured with it, its cache say. Nothing is downloaded, unless GRADUS_FETCH is on, as it is
# in Python's package: then range-v3 and nlohmann_json are, into the cache.

include(CMakeFindDependencyMacro)
set(_gradus_dir "${CMAKE_CURRENT_LIST_DIR}/../gradus")
include("${_gradus_dir}/gradusPackages.cmake")
option(GRADUS_FETCH "Download range-v3 and nlohmann_json where they are not here" ${_gradus_wheel})
if(GRADUS_FETCH)
  include("${_gradus_dir}/GradusCache.cmake")
  include("${_gradus_dir}/GradusFetchHeaders.cmake")
endif()
macro(_gradus_find package version place)
  find_package(${package} ${version} QUIET ${ARGN})
  if(NOT ${package}_FOUND AND EXISTS "${_gradus_${package}}")
    set(${place} "${_gradus_${package}}")
  elseif(NOT ${package}_FOUND AND DEFINED GRADUS_NEEDS_${package})
    gradus_require(${package} ${GRADUS_NEEDS_${package}})
  endif()
  find_dependency(${package} ${version} ${ARGN})
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
