# Finds one header-only package, and brings it into the cache where it is not: from Debian's packages where apt is there, else from
# its release archive. Nothing outside the cache is changed, and root is not needed.
# The two functions that fetch set <result> to a prefix for find_package, or to nothing where they could not, and
# <source> to cache or downloaded. With GRADUS_CACHE_ONLY a Debian package that is not in the cache is not fetched.
# The names that they find programs by begin with _gradus_: the project around may have variables of others.

# What the library itself needs, as gradus_require() takes it.
set(GRADUS_NEEDS_range-v3 VERSIONS 0.12.0 DEBIAN librange-v3-dev
  ARCHIVE 0.12.0 range-v3::range-v3 https://github.com/ericniebler/range-v3/archive/0.12.0.tar.gz
    015adb2300a98edfceaf0725beec3337f542af4915cec4d0b89fa0886f4ba9cb include)
set(GRADUS_NEEDS_nlohmann_json VERSIONS 3.11 DEBIAN nlohmann-json3-dev
  ARCHIVE 3.11.2 nlohmann_json::nlohmann_json https://github.com/nlohmann/json/archive/v3.11.2.tar.gz
    d69f9deb6a75e2580465c6c4c5111b89c4dc2fa94e3a85fcd2ffcd9a143d9273 include)

# <package> may be several, `libicu72|libicu76`: the first of them that this release of Debian has.
function(gradus_fetch_debian package result source)
  set(${result} "" PARENT_SCOPE)
  set(${source} cache PARENT_SCOPE)
  find_program(_gradus_apt apt-get NO_CACHE)
  find_program(_gradus_dpkg dpkg NO_CACHE)
  find_program(_gradus_dpkg_deb dpkg-deb NO_CACHE)
  if(NOT _gradus_apt OR NOT _gradus_dpkg OR NOT _gradus_dpkg_deb)
    return()
  endif()
  # Another release has other versions, another processor other programs: each gets a folder of its own in a
  # shared cache, and package lists of its own.
  get_property(machine GLOBAL PROPERTY gradus_apt_machine)
  if(NOT machine)
    cmake_host_system_information(RESULT machine QUERY DISTRIB_ID DISTRIB_VERSION_ID)
    execute_process(COMMAND "${_gradus_dpkg}" --print-architecture OUTPUT_VARIABLE architecture
      OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    list(JOIN machine "-" machine)
    string(APPEND machine "-${architecture}")
    set_property(GLOBAL PROPERTY gradus_apt_machine "${machine}")
  endif()
  string(REPLACE "|" ";" packages "${package}")
  foreach(name IN LISTS packages)
    set(folder "${GRADUS_CACHE_DIR}/${machine}/${name}")
    if(EXISTS "${folder}")
      set(${result} "${folder}/usr" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  if(GRADUS_CACHE_ONLY)
    return()
  endif()
  foreach(name IN LISTS packages)
    _gradus_download_debian("${name}" prefix from)
    if(prefix)
      set(${result} "${prefix}" PARENT_SCOPE)
      set(${source} ${from} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# One package, for gradus_fetch_debian(), which has found the programs.
function(_gradus_download_debian package result source)
  set(${result} "" PARENT_SCOPE)
  set(${source} cache PARENT_SCOPE)
  set(folder "${GRADUS_CACHE_DIR}/${machine}/${package}")
  gradus_lock_cache(apt "${folder}")
  if(NOT EXISTS "${folder}")
    # Lists of our own: the system's may be empty, and only root may fill them.
    set(state "${GRADUS_CACHE_DIR}/apt/${machine}")
    set(part "${folder}.part")
    file(REMOVE_RECURSE "${part}")
    file(MAKE_DIRECTORY "${part}" "${state}/lists/partial" "${state}/archives/partial")
    set(apt "${_gradus_apt}" -qq -o Dir::State::lists=${state}/lists -o Dir::Cache=${state}
      -o APT::Sandbox::User=root -o Acquire::Retries=2 -o Acquire::http::Timeout=20)
    get_property(updated GLOBAL PROPERTY gradus_apt_updated)
    if(NOT updated)
      set_property(GLOBAL PROPERTY gradus_apt_updated ON)
      # A source that does not answer is no matter as long as the package can be had.
      execute_process(COMMAND ${apt} update OUTPUT_QUIET ERROR_QUIET)
    endif()
    execute_process(COMMAND ${apt} download ${package} WORKING_DIRECTORY "${part}"
      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    file(GLOB deb "${part}/*.deb")
    if(NOT failed AND deb)
      execute_process(COMMAND "${_gradus_dpkg_deb}" -x "${deb}" "${part}" RESULT_VARIABLE failed ERROR_QUIET)
    endif()
    if(failed OR NOT deb)
      file(REMOVE_RECURSE "${part}")
      return()
    endif()
    file(REMOVE "${deb}")
    file(RENAME "${part}" "${folder}")
    set(${source} downloaded PARENT_SCOPE)
  endif()
  set(${result} "${folder}/usr" PARENT_SCOPE)
endfunction()

# The archive's headers lie in <include>, relative to its top folder; <target> is what its users link.
function(gradus_fetch_archive name version target url sha256 include result source)
  set(${result} "" PARENT_SCOPE)
  set(${source} cache PARENT_SCOPE)
  set(folder "${GRADUS_CACHE_DIR}/archives/${name}-${version}")
  gradus_lock_cache(archives "${folder}")
  if(NOT EXISTS "${folder}")
    set(part "${folder}.part")
    file(REMOVE_RECURSE "${part}")
    file(DOWNLOAD "${url}" "${part}/archive.tar.gz" STATUS status TLS_VERIFY ON
      INACTIVITY_TIMEOUT 30)
    if(NOT status MATCHES "^0;")
      file(REMOVE_RECURSE "${part}")
      return()
    endif()
    file(SHA256 "${part}/archive.tar.gz" found)
    if(NOT found STREQUAL sha256)
      message(FATAL_ERROR "${url} has SHA256 ${found} where ${sha256} was expected: the archive is not "
        "the one gradus was written with, so install ${name} ${version} by hand.")
    endif()
    file(ARCHIVE_EXTRACT INPUT "${part}/archive.tar.gz" DESTINATION "${part}/source")
    file(GLOB headers "${part}/source/*/${include}")
    file(RENAME "${headers}" "${part}/include")
    file(REMOVE_RECURSE "${part}/source" "${part}/archive.tar.gz")
    # The smallest package file that find_package understands.
    file(WRITE "${part}/cmake/${name}Config.cmake"
      "if(NOT TARGET ${target})\n"
      "  add_library(${target} INTERFACE IMPORTED)\n"
      "  target_include_directories(${target} INTERFACE \"\${CMAKE_CURRENT_LIST_DIR}/../include\")\n"
      "endif()\n")
    include(CMakePackageConfigHelpers)
    write_basic_package_version_file("${part}/cmake/${name}ConfigVersion.cmake"
      VERSION ${version} COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
    file(RENAME "${part}" "${folder}")
    set(${source} downloaded PARENT_SCOPE)
  endif()
  set(${result} "${folder}" PARENT_SCOPE)
endfunction()

# gradus_require(<name> VERSIONS <minimum>... DEBIAN <package>
#                ARCHIVE <version> <target> <url> <sha256> <include folder>)
# Versions are in the form find_package takes, the best first. A <target> that the project around has made itself
# (FetchContent, add_subdirectory) is used as it is.
function(gradus_require name)
  cmake_parse_arguments(arg "" "DEBIAN" "VERSIONS;ARCHIVE" ${ARGN})
  list(GET arg_ARCHIVE 1 target)
  if(TARGET ${target} AND NOT ${name}_FOUND)
    message(STATUS "${name}: the target ${target} of the project that uses gradus")
    return()
  endif()
  set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)  # a project that adds gradus as a folder sees them too
  foreach(place system Debian archive)
    set(where "")
    set(source system)
    if(place STREQUAL "Debian")
      gradus_fetch_debian(${arg_DEBIAN} prefix source)
    elseif(place STREQUAL "archive")
      gradus_fetch_archive(${name} ${arg_ARCHIVE} prefix source)
    endif()
    if(NOT place STREQUAL "system")
      if(NOT prefix)
        continue()
      endif()
      set(where PATHS "${prefix}" NO_DEFAULT_PATH)
    endif()
    set(given "${${name}_DIR}")
    foreach(version IN LISTS arg_VERSIONS)
      if(given)  # a version that was refused has erased it
        set(${name}_DIR "${given}" CACHE PATH "Folder of ${name}'s package file" FORCE)
      endif()
      find_package(${name} ${version} CONFIG QUIET ${where})
      if(${name}_FOUND)
        cmake_path(IS_PREFIX GRADUS_CACHE_DIR "${${name}_DIR}" cached)
        if(cached AND source STREQUAL "system")
          set(source cache)  # found at once, where an earlier configuration had put it
        endif()
        message(STATUS "${name} ${${name}_VERSION}: ${source}, ${${name}_DIR}")
        return()
      endif()
    endforeach()
  endforeach()
  list(GET arg_VERSIONS -1 version)
  string(REPLACE "|" " or " debian "${arg_DEBIAN}")
  message(FATAL_ERROR "${name} ${version} or newer is not here and could not be downloaded: install it "
    "(Debian: ${debian}), or check the network.")
endfunction()
