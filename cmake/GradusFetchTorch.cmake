# Brings LibTorch from its PyPI package into the cache, if it is not there yet.

set(GRADUS_TORCH_MINIMUM 2.11.0)  # of a LibTorch that is here already
set(GRADUS_TORCH_DEFAULT 2.15.0)

# Versions that can be downloaded: each has its packages pinned in two files.
file(GLOB GRADUS_TORCH_VERSIONS RELATIVE "${CMAKE_CURRENT_LIST_DIR}/torch"
  "${CMAKE_CURRENT_LIST_DIR}/torch/*-cpu.txt")
list(TRANSFORM GRADUS_TORCH_VERSIONS REPLACE "-cpu.txt$" "")
list(SORT GRADUS_TORCH_VERSIONS COMPARE NATURAL)

set(GRADUS_TORCH_VERSION "" CACHE STRING "LibTorch to download where none is found; \
empty: the environment's GRADUS_TORCH_VERSION, else ${GRADUS_TORCH_DEFAULT}")
set_property(CACHE GRADUS_TORCH_VERSION PROPERTY STRINGS "" ${GRADUS_TORCH_VERSIONS})
if(NOT "${GRADUS_TORCH_VERSION}" STREQUAL "")
  set(GRADUS_TORCH_WANTED "${GRADUS_TORCH_VERSION}")
elseif(NOT "$ENV{GRADUS_TORCH_VERSION}" STREQUAL "")
  set(GRADUS_TORCH_WANTED "$ENV{GRADUS_TORCH_VERSION}")
else()
  set(GRADUS_TORCH_WANTED ${GRADUS_TORCH_DEFAULT})
endif()
if(NOT GRADUS_TORCH_WANTED IN_LIST GRADUS_TORCH_VERSIONS)
  list(JOIN GRADUS_TORCH_VERSIONS ", " _versions)
  message(FATAL_ERROR "GRADUS_TORCH_VERSION is ${GRADUS_TORCH_WANTED}, which cannot be downloaded: "
    "choose one of ${_versions}.")
endif()

# Which Python runs pip does not matter: the wheel asked for is always the same one.
function(_gradus_find_pip result)
  foreach(name python3 python /usr/bin/python3)
    find_program(_gradus_python ${name} NO_CACHE)
    if(_gradus_python)
      execute_process(COMMAND "${_gradus_python}" -m pip --version
        RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
      if(NOT failed)
        set(${result} "${_gradus_python}" -m pip PARENT_SCOPE)
        return()
      endif()
      unset(_gradus_python)
    endif()
  endforeach()
  message(FATAL_ERROR "LibTorch is not here and there is no Python 3 with pip to get it: install "
    "python3-pip, or give the folder of LibTorch ${GRADUS_TORCH_MINIMUM} or newer with -DCMAKE_PREFIX_PATH=<folder>.")
endfunction()

# Sets <result> to the folder that holds lib/ and include/, and <source> to cache or downloaded.
function(gradus_fetch_torch kind result source)
  set(machine ${CMAKE_SYSTEM_PROCESSOR})  # that programs are built for, not that builds them
  set(folder "${GRADUS_CACHE_DIR}/torch-${GRADUS_TORCH_WANTED}-${kind}-${machine}")
  set(${result} "${folder}/torch" PARENT_SCOPE)
  set(${source} cache PARENT_SCOPE)
  if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux" OR NOT machine MATCHES "^(x86_64|aarch64)$")
    message(FATAL_ERROR "No LibTorch for ${CMAKE_SYSTEM_NAME} on ${machine} can be downloaded: give the folder of a LibTorch "
      "${GRADUS_TORCH_MINIMUM} or newer of your own with -DCMAKE_PREFIX_PATH=<folder>.")
  endif()
  gradus_lock_cache(torch "${folder}")
  if(EXISTS "${folder}")
    return()
  endif()
  _gradus_find_pip(pip)
  if(kind STREQUAL "cpu")
    message(STATUS "LibTorch: downloading the CPU set (0.5 GB, 1.1 GB unpacked) to ${folder}")
  else()
    message(STATUS "LibTorch: downloading the CUDA set (2.5 to 2.7 GB, up to 4.4 GB unpacked) to ${folder}")
  endif()

  set(platforms --platform manylinux2014_${machine} --platform manylinux1_${machine})
  foreach(glibc RANGE 12 28)
    list(APPEND platforms --platform manylinux_2_${glibc}_${machine})
  endforeach()
  set(part "${folder}.part")  # what an interrupted run left here is thrown away
  file(REMOVE_RECURSE "${part}")
  file(MAKE_DIRECTORY "${part}/tmp")  # pip's own place to work, for /tmp may be small
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env "TMPDIR=${part}/tmp"
      ${pip} download --quiet --disable-pip-version-check --no-cache-dir --no-deps
      --require-hashes --requirement "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/torch/${GRADUS_TORCH_WANTED}-${kind}.txt"
      --only-binary=:all: --implementation cp --python-version 3.12 ${platforms}
      --dest "${part}/wheels"
    RESULT_VARIABLE failed ERROR_VARIABLE error)
  if(failed)
    file(REMOVE_RECURSE "${part}")
    string(REGEX MATCH "ERROR: .*" error "${error}")
    string(STRIP "${error}" error)
    message(FATAL_ERROR "pip could not download LibTorch: check the network, or give the folder of "
      "LibTorch ${GRADUS_TORCH_MINIMUM} or newer with -DCMAKE_PREFIX_PATH=<folder>.\n${error}")
  endif()

  file(GLOB wheels "${part}/wheels/*.whl")
  foreach(wheel IN LISTS wheels)
    file(ARCHIVE_EXTRACT INPUT "${wheel}" DESTINATION "${part}")
  endforeach()
  file(GLOB python_parts "${part}/torch/*" "${part}/torchgen" "${part}/functorch")
  list(FILTER python_parts EXCLUDE REGEX "/torch/(lib|include|share)$")
  file(REMOVE_RECURSE ${python_parts})
  file(REMOVE_RECURSE "${part}/wheels" "${part}/tmp")
  file(RENAME "${part}" "${folder}")
  set(${source} downloaded PARENT_SCOPE)
endfunction()
