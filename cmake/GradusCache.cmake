# The one folder outside the project that is written to: GRADUS_CACHE_DIR, with locks.

set(GRADUS_CACHE "" CACHE PATH
  "Folder for downloads; empty: the environment's GRADUS_CACHE, XDG_CACHE_HOME/gradus or ~/.cache/gradus")
if(GRADUS_CACHE)
  set(GRADUS_CACHE_DIR "${GRADUS_CACHE}")
elseif(NOT "$ENV{GRADUS_CACHE}" STREQUAL "")
  set(GRADUS_CACHE_DIR "$ENV{GRADUS_CACHE}")
elseif(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(GRADUS_CACHE_DIR "$ENV{XDG_CACHE_HOME}/gradus")
elseif(NOT "$ENV{HOME}" STREQUAL "")
  set(GRADUS_CACHE_DIR "$ENV{HOME}/.cache/gradus")
else()
  set(GRADUS_CACHE_DIR "${CMAKE_BINARY_DIR}/cache")
endif()
get_filename_component(GRADUS_CACHE_DIR "${GRADUS_CACHE_DIR}" ABSOLUTE BASE_DIR "${CMAKE_SOURCE_DIR}")

# Unless <folder> is there: holds a lock on the cache until the calling function returns, so that two
# configurations take turns. Folders appear in the cache only when they are complete.
macro(gradus_lock_cache name folder)
  if(NOT EXISTS "${folder}")
    execute_process(COMMAND "${CMAKE_COMMAND}" -E make_directory "${GRADUS_CACHE_DIR}" ERROR_QUIET)
    set(_locked "it cannot be made")
    if(IS_DIRECTORY "${GRADUS_CACHE_DIR}")
      file(LOCK "${GRADUS_CACHE_DIR}/${name}.lock" GUARD FUNCTION TIMEOUT 3600 RESULT_VARIABLE _locked)
    endif()
    if(NOT _locked STREQUAL "0")
      message(FATAL_ERROR "The cache folder ${GRADUS_CACHE_DIR} cannot be locked: ${_locked}. Name another one in the "
        "environment variable GRADUS_CACHE. If it timed out, another configuration has been downloading for an hour.")
    endif()
  endif()
endmacro()
