# clang 19 for the tests that ask a second compiler: the system's, else Debian's packages unpacked
# into the cache. Sets <result> to nothing where there is neither.

function(gradus_find_clang result flags libraries)
  set(${flags} "" PARENT_SCOPE)
  set(${libraries} "$ENV{LD_LIBRARY_PATH}" PARENT_SCOPE)
  find_program(GRADUS_CLANG NAMES clang++-19 DOC "clang 19, for the tests that use it")
  if(GRADUS_CLANG)
    set(${result} "${GRADUS_CLANG}" PARENT_SCOPE)
    return()
  endif()
  set(${result} "" PARENT_SCOPE)
  set(paths "")
  foreach(package clang-19 libclang-cpp19 libllvm19 libclang-common-19-dev libz3-4 libedit2
      libxml2 libicu72 libbsd0 libmd0)
    gradus_fetch_debian(${package} prefix source)
    if(NOT prefix)
      return()
    endif()
    set(prefix_of_${package} "${prefix}")
    list(APPEND paths "${prefix}/lib/llvm-19/lib" "${prefix}/lib/${CMAKE_LIBRARY_ARCHITECTURE}")
  endforeach()
  message(STATUS "clang 19: ${source}, ${prefix_of_clang-19}/lib/llvm-19/bin")
  list(JOIN paths ":" paths)
  set(${result} "${prefix_of_clang-19}/lib/llvm-19/bin/clang++" PARENT_SCOPE)
  set(${flags} -resource-dir "${prefix_of_libclang-common-19-dev}/lib/llvm-19/lib/clang/19"
    PARENT_SCOPE)
  set(${libraries} "${paths}" PARENT_SCOPE)
endfunction()
