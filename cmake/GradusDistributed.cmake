# gradus::distributed, what gradus/distributed.hpp needs: Gloo's headers, of which LibTorch has the library
# but not these. The system's, else Debian's package unpacked into the cache. Where they are not, there is no
# such target.

set(GRADUS_DISTRIBUTED auto CACHE STRING
  "Offer gradus::distributed, training by several processes: auto (where Gloo's headers are or can be fetched), on or off")
set_property(CACHE GRADUS_DISTRIBUTED PROPERTY STRINGS auto on off)

function(gradus_add_distributed)
  gradus_auto_on_off(GRADUS_DISTRIBUTED wanted)
  if(NOT wanted)
    return()
  endif()
  if(NOT EXISTS "${GRADUS_GLOO_INCLUDE_DIR}/gloo/context.h")
    unset(GRADUS_GLOO_INCLUDE_DIR CACHE)  # of a cache that was removed
  endif()
  find_path(GRADUS_GLOO_INCLUDE_DIR gloo/context.h DOC "Folder that holds gloo/, Gloo's headers")
  mark_as_advanced(GRADUS_GLOO_INCLUDE_DIR)
  set(source system)
  if(NOT GRADUS_GLOO_INCLUDE_DIR AND (PROJECT_IS_TOP_LEVEL OR NOT wanted STREQUAL "auto"))
    gradus_fetch_debian(libgloo-dev prefix source)
    if(prefix AND EXISTS "${prefix}/include/gloo/context.h")
      set(GRADUS_GLOO_INCLUDE_DIR "${prefix}/include" CACHE PATH "Folder that holds gloo/, Gloo's headers" FORCE)
    endif()
  endif()
  if(GRADUS_GLOO_INCLUDE_DIR)
    cmake_path(IS_PREFIX GRADUS_CACHE_DIR "${GRADUS_GLOO_INCLUDE_DIR}" cached)
    if(cached AND source STREQUAL "system")
      set(source cache)  # where an earlier configuration had put it
    endif()
    message(STATUS "gradus::distributed: ${source}, ${GRADUS_GLOO_INCLUDE_DIR}")
    add_library(gradus_distributed INTERFACE)
    add_library(gradus::distributed ALIAS gradus_distributed)
    target_link_libraries(gradus_distributed INTERFACE gradus::gradus)
    target_include_directories(gradus_distributed SYSTEM INTERFACE "${GRADUS_GLOO_INCLUDE_DIR}")
    target_compile_definitions(gradus_distributed INTERFACE GRADUS_DISTRIBUTED)  # gradus/distributed.hpp can be included
  elseif(wanted STREQUAL "auto")
    message(STATUS "gradus::distributed is left out: Gloo's headers are not here")
  else()
    message(FATAL_ERROR "GRADUS_DISTRIBUTED is ${GRADUS_DISTRIBUTED}, but Gloo's headers are not here and could "
      "not be downloaded: install them (Debian: libgloo-dev), or check the network.")
  endif()
endfunction()
