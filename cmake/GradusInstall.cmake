# Installs the headers, a package that find_package(gradus) finds, and its description for other tools (CPS).

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/gradus)
install(DIRECTORY include/gradus TYPE INCLUDE FILES_MATCHING PATTERN "*.hpp")
target_include_directories(gradus INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(TARGETS gradus EXPORT gradusTargets)
install(EXPORT gradusTargets NAMESPACE gradus:: DESTINATION ${package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/gradusConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
if(NOT GRADUS_WHEEL)
  set(GRADUS_WHEEL OFF)
endif()
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/gradusPackages.cmake" @ONLY CONTENT
[[# Where gradus was configured with the packages that it needs.
set(_gradus_LibTorch "@LibTorch_PREFIX@")
set(_gradus_range-v3 "@range-v3_DIR@")
set(_gradus_nlohmann_json "@nlohmann_json_DIR@")
set(_gradus_gloo "@GRADUS_GLOO_INCLUDE_DIR@")
# Python's package: torch lies beside it, and range-v3 and nlohmann_json are downloaded where they are not.
set(_gradus_wheel @GRADUS_WHEEL@)
]])
install(FILES
  "${PROJECT_BINARY_DIR}/gradusPackages.cmake" cmake/gradusConfig.cmake cmake/FindLibTorch.cmake
  cmake/GradusDriver.cmake cmake/GradusCache.cmake cmake/GradusFetchHeaders.cmake
  "${PROJECT_BINARY_DIR}/gradusConfigVersion.cmake"
  DESTINATION ${package_dir})
install(FILES cmake/gradusRequiresConfig.cmake DESTINATION ${package_dir}Requires)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# From a template, for install(PACKAGE_INFO) of CMake 4.3 names LibTorch as a package, and no CMake package of that
# name is there. Not in share/cps: find_package(gradus COMPONENTS images) of CMake 4.4 passes a .cps there over, as
# it lacks the component, and then reports gradusConfig.cmake as found without reading it.
set(cps_dir ${CMAKE_INSTALL_DATADIR}/gradus/cps)
set(cps_path "@prefix@")  # an absolute folder stands as it is
set(cps_include "@prefix@")
cmake_path(APPEND cps_path ${cps_dir})
cmake_path(APPEND cps_include ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(cmake/gradus.cps.in "${PROJECT_BINARY_DIR}/gradus.cps" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/gradus.cps" DESTINATION ${cps_dir})
