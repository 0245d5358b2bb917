# Target docs: the guide and the reference of everything public as one site, <build>/docs/site. What builds it
# is looked for when the target is built: configuring needs no network, unless GRADUS_DOCS is on.
option(GRADUS_DOCS "Get what builds the documentation when configuring" OFF)
find_program(GRADUS_PYTHON NAMES python3 DOC "A Python, for tests that need no packages")

# The command that builds a site into <out>/site.
function(gradus_docs_command result out)
  set(${result} "${CMAKE_COMMAND}" "-DOUT=${out}" "-DPYTHON=${GRADUS_PYTHON}" "-DGRADUS_CACHE=${GRADUS_CACHE_DIR}"
    ${ARGN} -P "${PROJECT_SOURCE_DIR}/cmake/GradusBuildDocs.cmake" PARENT_SCOPE)
endfunction()

if(GRADUS_DOCS)
  gradus_docs_command(get "${PROJECT_BINARY_DIR}/docs" -DONLY_GET=ON)
  execute_process(COMMAND ${get} COMMAND_ERROR_IS_FATAL ANY)
endif()
gradus_docs_command(build "${PROJECT_BINARY_DIR}/docs")
add_custom_target(docs COMMAND ${build} VERBATIM USES_TERMINAL COMMENT "Building the documentation")
