# Brings one header-only package into the cache: from Debian's packages where apt is there, else from
# its release archive. Nothing outside the cache is changed, and root is not needed.
# Both functions set <result> to a prefix for find_package, or to nothing where they could not, and
# <source> to cache or downloaded. With GRADUS_CACHE_ONLY a Debian package that is not in the cache is not fetched.

function(gradus_fetch_debian package result source)
  set(${result} "" PARENT_SCOPE)
  set(${source} cache PARENT_SCOPE)
  find_program(apt apt-get NO_CACHE)
  find_program(dpkg dpkg-deb NO_CACHE)
  if(NOT apt OR NOT dpkg)
    return()
  endif()
  # Another release has other versions: it gets a folder of its own in a shared cache.
  cmake_host_system_information(RESULT release QUERY DISTRIB_ID DISTRIB_VERSION_ID)
  list(JOIN release "-" release)
  set(folder "${GRADUS_CACHE_DIR}/${release}/${package}")
  if(GRADUS_CACHE_ONLY AND NOT EXISTS "${folder}")
    return()
  endif()
  gradus_lock_cache(apt "${folder}")
  if(NOT EXISTS "${folder}")
    # Lists of our own: the system's may be empty, and only root may fill them.
    set(state "${GRADUS_CACHE_DIR}/apt")
    set(part "${folder}.part")
    file(REMOVE_RECURSE "${part}")
    file(MAKE_DIRECTORY "${part}" "${state}/lists/partial" "${state}/archives/partial")
    set(apt "${apt}" -qq -o Dir::State::lists=${state}/lists -o Dir::Cache=${state}
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
      execute_process(COMMAND "${dpkg}" -x "${deb}" "${part}" RESULT_VARIABLE failed ERROR_QUIET)
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
