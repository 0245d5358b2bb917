# Checks every C++ file under FOLDERS with FORMATTER.
#   cmake -DFORMATTER=<clang-format> -DFOLDERS=<folder>;... -P check_format.cmake
cmake_minimum_required(VERSION 3.25)

foreach(folder IN LISTS FOLDERS)
  file(GLOB_RECURSE found "${folder}/*.hpp" "${folder}/*.cpp")
  list(APPEND files ${found})
endforeach()
list(FILTER files EXCLUDE REGEX "/structure/broken/")
execute_process(COMMAND "${FORMATTER}" --style=file --dry-run --Werror ${files}
  RESULT_VARIABLE failed ERROR_VARIABLE errors)
if(failed)
  string(REGEX MATCHALL "[^\n]*code should be clang-formatted" lines "${errors}")
  string(REGEX REPLACE ":[0-9]+:[0-9]+: [^;]*" "" lines "${lines}")
  list(REMOVE_DUPLICATES lines)
  list(JOIN lines "\n  " lines)
  message(FATAL_ERROR "These files are not formatted; run clang-format -i on them:\n  ${lines}\n${failed}")
endif()
