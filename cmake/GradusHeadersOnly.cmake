# What GRADUS_HEADERS_ONLY=ON configures: the install rules alone. Packages are made so: nothing of the machine
# that makes them is recorded, and their users' machine has the compiler and the dependencies.

option(GRADUS_WHEEL "For Python's package: cmake/packaging/wheel" OFF)
set(CMAKE_DL_LIBS dl)  # which a compiler's platform file would say
set(CMAKE_INSTALL_LIBDIR lib CACHE PATH "Folder of libraries; nothing is installed there")
include(cmake/GradusTarget.cmake)
include(cmake/GradusInstall.cmake)
include(cmake/GradusPackage.cmake)
