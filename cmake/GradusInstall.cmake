# Installs the headers and a package that find_package(gradus) finds and that downloads nothing.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/gradus)
install(DIRECTORY include/gradus TYPE INCLUDE FILES_MATCHING PATTERN "*.hpp")
install(TARGETS gradus EXPORT gradusTargets)
install(EXPORT gradusTargets NAMESPACE gradus:: DESTINATION ${package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/gradusConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/gradusPackages.cmake" @ONLY CONTENT
[[# Where gradus was configured with the packages that it needs.
set(_gradus_LibTorch "@LibTorch_PREFIX@")
set(_gradus_range-v3 "@range-v3_DIR@")
set(_gradus_nlohmann_json "@nlohmann_json_DIR@")
set(_gradus_gloo "@GRADUS_GLOO_INCLUDE_DIR@")
]])
install(FILES
  "${PROJECT_BINARY_DIR}/gradusPackages.cmake" cmake/gradusConfig.cmake cmake/FindLibTorch.cmake cmake/GradusDriver.cmake
  "${PROJECT_BINARY_DIR}/gradusConfigVersion.cmake"
  DESTINATION ${package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
