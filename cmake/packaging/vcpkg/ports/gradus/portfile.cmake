# An overlay port, made from the repository that it lies in. Written by vcpkg's documentation, not run.
# LibTorch is left to find_package(LibTorch), of gradus's own package file.

set(VCPKG_BUILD_TYPE release)  # header-only
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../../.." ABSOLUTE)

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS -DGRADUS_HEADERS_ONLY=ON)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME gradus CONFIG_PATH share/cmake/gradus DO_NOT_DELETE_PARENT_CONFIG_PATH)
vcpkg_cmake_config_fixup(PACKAGE_NAME gradusRequires CONFIG_PATH share/cmake/gradusRequires)
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
