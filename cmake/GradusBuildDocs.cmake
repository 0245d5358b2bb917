# Builds the documentation: Doxygen, markdown-it-py and Pygments from the system, else Debian's packages in the
# cache, else, unless GRADUS_CACHE_ONLY is set, downloaded into it.
#   cmake -DOUT=<folder> -DPYTHON=<python3> -DGRADUS_CACHE=<folder> [-DGRADUS_CACHE_ONLY=ON] [-DONLY_GET=ON]
#     -P GradusBuildDocs.cmake

include("${CMAKE_CURRENT_LIST_DIR}/GradusCache.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/GradusFetchHeaders.cmake")

function(give_up what)
  if(GRADUS_CACHE_ONLY)
    message(STATUS "docs_site is skipped: ${what} is not here; the target docs gets it.")
    return()
  endif()
  message(FATAL_ERROR "The documentation needs ${what}, which is neither installed nor in the cache "
    "${GRADUS_CACHE_DIR}, and Debian's packages could not be downloaded. Install doxygen, python3-markdown-it and "
    "python3-pygments, or build once with a network.")
endfunction()

# <result>: the prefixes of all packages, or nothing where one cannot be had.
function(get_packages result)
  set(${result} "" PARENT_SCOPE)
  set(prefixes "")
  foreach(package IN LISTS ARGN)
    gradus_fetch_debian(${package} prefix source)
    if(NOT prefix)
      return()
    endif()
    list(APPEND prefixes "${prefix}")
  endforeach()
  set(${result} "${prefixes}" PARENT_SCOPE)
endfunction()

if(NOT PYTHON)
  give_up("Python 3")
  return()
endif()

# --- Doxygen, with the libraries that Debian's one needs.
find_program(doxygen doxygen NO_CACHE)
if(NOT doxygen)
  # Debian 12's, or Debian 13's.
  get_packages(prefixes doxygen libclang-cpp14|libclang-cpp19 libclang1-14|libclang1-19 libllvm14|libllvm19 libxapian30
    libfmt9|libfmt10 libsqlite3-0 libz3-4 libedit2 libbsd0 libmd0 libxml2 libicu72|libicu76)
  if(NOT prefixes)
    give_up("Doxygen")
    return()
  endif()
  list(GET prefixes 0 doxygen)
  string(APPEND doxygen "/bin/doxygen")
  set(folders "")
  foreach(prefix IN LISTS prefixes)
    file(GLOB found LIST_DIRECTORIES ON "${prefix}/lib/*-linux-gnu*" "${prefix}/lib/llvm-*/lib")
    list(APPEND folders ${found})
  endforeach()
  if(NOT "$ENV{LD_LIBRARY_PATH}" STREQUAL "")
    list(APPEND folders "$ENV{LD_LIBRARY_PATH}")
  endif()
  list(JOIN folders ":" folders)
  set(ENV{LD_LIBRARY_PATH} "${folders}")
endif()
execute_process(COMMAND "${doxygen}" --version OUTPUT_VARIABLE version ERROR_VARIABLE error RESULT_VARIABLE failed
  OUTPUT_STRIP_TRAILING_WHITESPACE)
if(failed)
  message(FATAL_ERROR "${doxygen} does not start: ${error}")
endif()

# --- What renders markdown and colours code.
execute_process(COMMAND "${PYTHON}" -c "import markdown_it, pygments" RESULT_VARIABLE failed ERROR_QUIET)
set(python_paths "")
if(failed)
  get_packages(prefixes python3-markdown-it python3-mdurl python3-pygments)
  if(NOT prefixes)
    give_up("markdown-it-py with Pygments")
    return()
  endif()
  foreach(prefix IN LISTS prefixes)
    list(APPEND python_paths --python-path "${prefix}/lib/python3/dist-packages")
  endforeach()
endif()
message(STATUS "Doxygen ${version}: ${doxygen}")
if(ONLY_GET)
  return()
endif()

execute_process(COMMAND "${PYTHON}" -B "${CMAKE_CURRENT_LIST_DIR}/../docs/site/build.py"
  --doxygen "${doxygen}" --out "${OUT}" ${python_paths} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "The documentation was not built: what is wrong stands above.")
endif()
