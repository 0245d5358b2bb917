# The target gradus::gradus, the same where gradus is built, added as a folder or only installed.

add_library(gradus INTERFACE)
add_library(gradus::gradus ALIAS gradus)
# By its property, for target_compile_features() asks for a compiler (GRADUS_HEADERS_ONLY has none).
set_property(TARGET gradus PROPERTY INTERFACE_COMPILE_FEATURES cxx_std_20)
target_include_directories(gradus INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
target_link_libraries(gradus INTERFACE
  LibTorch::LibTorch range-v3::range-v3 nlohmann_json::nlohmann_json Threads::Threads
  ${CMAKE_DL_LIBS})
