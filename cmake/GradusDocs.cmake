# Target docs: the guide and the reference of everything public as one site, <build>/docs/site. What builds it
# is looked for when the target is built: configuring needs no network.
option(GRADUS_DOCS "Get what builds the documentation when configuring" OFF)

function(gradus_add_docs)
  find_program(GRADUS_PYTHON NAMES python3 DOC "A Python, for tests that need no packages")
  set(command "${CMAKE_COMMAND}" "-DOUT=${PROJECT_BINARY_DIR}/docs" "-DPYTHON=${GRADUS_PYTHON}"
    "-DGRADUS_CACHE=${GRADUS_CACHE_DIR}")
  set(script "${PROJECT_SOURCE_DIR}/cmake/GradusBuildDocs.cmake")
  if(GRADUS_DOCS)
    execute_process(COMMAND ${command} -DONLY_GET=ON -P "${script}" COMMAND_ERROR_IS_FATAL ANY)
  endif()
  add_custom_target(docs COMMAND ${command} -P "${script}" VERBATIM USES_TERMINAL
    COMMENT "Building the documentation")
  # A test of its own folder: it builds from what is there, and fetches nothing.
  if(GRADUS_BUILD_TESTS)
    add_test(NAME docs_site COMMAND ${command} "-DOUT=${PROJECT_BINARY_DIR}/docs/tested" -DGRADUS_CACHE_ONLY=ON -P "${script}")
    set_tests_properties(docs_site PROPERTIES LABELS docs TIMEOUT 120 SKIP_REGULAR_EXPRESSION "docs_site is skipped")
  endif()
endfunction()
