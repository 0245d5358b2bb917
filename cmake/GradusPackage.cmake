# The Debian package that `cpack -G DEB` makes of a GRADUS_HEADERS_ONLY configuration.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libgradus-dev)
set(CPACK_PACKAGE_VENDOR gradus)
set(CPACK_PACKAGE_CONTACT "gradus contributors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "librange-v3-dev (>= 0.12), nlohmann-json3-dev (>= 3.11)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "cmake (>= 3.25), g++ (>= 4:12)")
# Debian 12 has LibTorch 1.13.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libgloo-dev, libjpeg-dev, libpng-dev, libtorch-dev (>= 2.11)")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "A configuration is a type: policies for precision, optimizer, schedule and more are plugged
into one trainer. LibTorch 2.11 or newer is no part of this package; that of Debian 12
is older. PyTorch's own package for Python brings it.")
include(CPack)
