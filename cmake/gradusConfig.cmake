# What find_package(gradus) reads. Every package it needs must be there: nothing is downloaded.

include(CMakeFindDependencyMacro)
list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
find_dependency(LibTorch 2.11.0 MODULE)
list(POP_FRONT CMAKE_MODULE_PATH)
find_dependency(range-v3 0.12.0)
find_dependency(nlohmann_json 3.11)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/gradusTargets.cmake")
