# What find_package(gradus) reads.

cmake_policy(VERSION 3.25...4.4)  # not the older ones of the project that asks; find_package() restores those
include(CMakeFindDependencyMacro)
include("${CMAKE_CURRENT_LIST_DIR}/gradusPackages.cmake")
# Not that of another gradus, which this build folder has found before.
unset(gradusRequires_DIR)
unset(gradusRequires_DIR CACHE)
find_dependency(gradusRequires CONFIG PATHS "${CMAKE_CURRENT_LIST_DIR}/../gradusRequires" NO_DEFAULT_PATH)
include("${CMAKE_CURRENT_LIST_DIR}/gradusTargets.cmake")

# find_package(gradus COMPONENTS images): gradus::images, for gradus/images.hpp. COMPONENTS distributed:
# gradus::distributed, for gradus/distributed.hpp.
foreach(component IN LISTS gradus_FIND_COMPONENTS)
  if(component STREQUAL "images")
    find_package(PNG QUIET)
    find_package(JPEG QUIET)
    if(TARGET PNG::PNG AND TARGET JPEG::JPEG)
      set(gradus_images_FOUND ON)
      if(NOT TARGET gradus::images)
        add_library(gradus::images INTERFACE IMPORTED)
        target_link_libraries(gradus::images INTERFACE gradus::gradus PNG::PNG JPEG::JPEG)
        target_compile_definitions(gradus::images INTERFACE GRADUS_IMAGES)
      endif()
    endif()
  endif()
  if(component STREQUAL "distributed")
    find_path(GRADUS_GLOO_INCLUDE_DIR gloo/context.h)
    if(NOT GRADUS_GLOO_INCLUDE_DIR AND EXISTS "${_gradus_gloo}")
      set(GRADUS_GLOO_INCLUDE_DIR "${_gradus_gloo}")
    endif()
    if(GRADUS_GLOO_INCLUDE_DIR)
      set(gradus_distributed_FOUND ON)
      if(NOT TARGET gradus::distributed)
        add_library(gradus::distributed INTERFACE IMPORTED)
        target_link_libraries(gradus::distributed INTERFACE gradus::gradus)
        target_include_directories(gradus::distributed SYSTEM INTERFACE "${GRADUS_GLOO_INCLUDE_DIR}")
        target_compile_definitions(gradus::distributed INTERFACE GRADUS_DISTRIBUTED)
      endif()
    endif()
  endif()
  if(gradus_FIND_REQUIRED_${component} AND NOT gradus_${component}_FOUND)
    set(gradus_FOUND OFF)
    set(gradus_NOT_FOUND_MESSAGE "its component ${component} needs what is not here: there are `images`, \
which needs libpng and libjpeg (Debian: libpng-dev libjpeg62-turbo-dev), and `distributed`, which needs Gloo's headers \
(Debian: libgloo-dev)")
  endif()
endforeach()
