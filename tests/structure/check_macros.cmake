# Including gradus defines no macro that its third-party headers do not define by themselves.
#   cmake -DCOMPILER=<path> -DROOT=<include> -DFLAGS=<flag>;... -DWORK=<folder> -P check_macros.cmake

cmake_minimum_required(VERSION 3.25)

file(GLOB_RECURSE headers "${ROOT}/gradus/*.hpp")
list(FILTER headers EXCLUDE REGEX "/testing")  # Catch2's prefix is what that one is for
set(others "")
foreach(header IN LISTS headers)
  file(STRINGS "${header}" lines REGEX "^ *#include <")
  list(TRANSFORM lines REPLACE "^ *(#include <[^>]*>).*" "\\1")
  list(FILTER lines EXCLUDE REGEX "<gradus/")
  list(APPEND others ${lines})
endforeach()
list(REMOVE_DUPLICATES others)
set(guarded "")
foreach(line IN LISTS others)  # some are only there with CUDA
  string(REGEX REPLACE "#include " "" name "${line}")
  string(APPEND guarded "#if __has_include(${name})\n${line}\n#endif\n")
endforeach()
file(WRITE "${WORK}/others.cpp" "${guarded}")
file(WRITE "${WORK}/gradus.cpp" "#include <gradus/gradus.hpp>\n")

function(macros_of program result)
  execute_process(COMMAND "${COMPILER}" -std=c++20 -dM -E ${FLAGS} "${program}"
    OUTPUT_FILE "${program}.macros" RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${program} cannot be preprocessed")
  endif()
  file(STRINGS "${program}.macros" lines)
  list(TRANSFORM lines REPLACE "^#define ([A-Za-z0-9_]+).*" "\\1")
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()
macros_of("${WORK}/others.cpp" known)
macros_of("${WORK}/gradus.cpp" found)
list(LENGTH found count)
list(REMOVE_ITEM found ${known})
if(found OR count LESS 1000)
  message(FATAL_ERROR "gradus.hpp leaks macros (of ${count}): ${found}")
endif()
message(NOTICE "${count} macros, none of them ours")
