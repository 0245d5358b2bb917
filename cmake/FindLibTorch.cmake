# Finds LibTorch and makes the target LibTorch::LibTorch from its files alone.
#
# in:  LibTorch_ROOT, Torch_DIR, Torch_ROOT or CMAKE_PREFIX_PATH, in this order, all as for find_package(Torch);
#      then, in Python's package of gradus, the package torch beside it
#      GRADUS_CUDA: auto (CUDA where an NVIDIA driver is), on, off
# out: LibTorch_FOUND, LibTorch_VERSION, LibTorch_CUDA, LibTorch_PREFIX,
#      LibTorch_INCLUDE_DIRS, LibTorch_CUDA_INCLUDE_DIRS (CUDA's own headers, if they are anywhere)
#
# PyTorch's own TorchConfig.cmake is passed by on purpose: docs/why/dependencies.md says why.

include(FindPackageHandleStandardArgs)
include(${CMAKE_CURRENT_LIST_DIR}/GradusDriver.cmake)

# NO_CACHE, and nothing kept from an earlier call: a LibTorch that was removed must not be remembered.
unset(_include)
unset(LibTorch_VERSION)
unset(LibTorch_PREFIX)
unset(_torch_cpu)
unset(_of_torch_dir)
if(Torch_DIR)
  set(_of_torch_dir "${Torch_DIR}/../../..")
endif()
unset(_beside)
if(_gradus_wheel)  # <site-packages>/gradus/share/cmake/gradus, beside <site-packages>/torch
  get_filename_component(_beside "${CMAKE_CURRENT_LIST_DIR}/../../../../torch" ABSOLUTE)
endif()
# First what names a LibTorch, which HINTS would ask after CMAKE_PREFIX_PATH.
find_path(_include torch/csrc/api/include/torch/version.h NO_CACHE NO_DEFAULT_PATH
  PATHS ${LibTorch_ROOT} ENV LibTorch_ROOT ${_of_torch_dir} ${Torch_ROOT} ENV Torch_ROOT
  PATH_SUFFIXES include torch/include ../../include)
find_path(_include torch/csrc/api/include/torch/version.h NO_CACHE
  HINTS ${_beside} PATH_SUFFIXES include torch/include ../../include)

if(_include)
  get_filename_component(_include "${_include}" REALPATH)
  get_filename_component(LibTorch_PREFIX "${_include}" DIRECTORY)
  foreach(_file torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(EXISTS "${_include}/${_file}" AND NOT LibTorch_VERSION)
      file(STRINGS "${_include}/${_file}" _lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
      string(REGEX REPLACE "[^0-9]+" "." LibTorch_VERSION "${_lines}")
      string(REGEX REPLACE "^\\.|\\.$" "" LibTorch_VERSION "${LibTorch_VERSION}")
    endif()
  endforeach()
  # The libraries lie beside these headers, or else together in another folder: never another LibTorch's.
  find_library(_torch_cpu torch_cpu NO_CACHE NO_DEFAULT_PATH
    PATHS "${LibTorch_PREFIX}" PATH_SUFFIXES lib "lib/${CMAKE_LIBRARY_ARCHITECTURE}")
  find_library(_torch_cpu torch_cpu NO_CACHE)
  get_filename_component(_libraries "${_torch_cpu}" DIRECTORY)
  foreach(_name c10 torch c10_cuda torch_cuda)
    unset(_${_name})
    find_library(_${_name} ${_name} NO_CACHE NO_DEFAULT_PATH PATHS "${_libraries}")
  endforeach()
endif()

find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_PREFIX _torch_cpu _c10 VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "give its folder with -DCMAKE_PREFIX_PATH=<folder>")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  gradus_cuda_wanted(LibTorch_CUDA)
  if(LibTorch_CUDA AND NOT _torch_cuda)
    message(WARNING "LibTorch in ${LibTorch_PREFIX} is built without CUDA: only the CPU will be used.")
    set(LibTorch_CUDA OFF)
  endif()

  set(LibTorch_INCLUDE_DIRS "${_include}" "${_include}/torch/csrc/api/include")
  # CUDA's headers come with the PyPI packages, beside torch/, or from the toolkit.
  file(GLOB LibTorch_CUDA_INCLUDE_DIRS "${LibTorch_PREFIX}/../nvidia/*/include")
  unset(_toolkit)
  find_path(_toolkit cuda_runtime_api.h NO_CACHE
    HINTS ${CUDAToolkit_ROOT} ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES include)
  if(_toolkit AND NOT LibTorch_CUDA_INCLUDE_DIRS MATCHES "/cu[0-9]+/include")
    list(APPEND LibTorch_CUDA_INCLUDE_DIRS "${_toolkit}")
  endif()

  add_library(LibTorch::LibTorch INTERFACE IMPORTED GLOBAL)
  target_include_directories(LibTorch::LibTorch INTERFACE ${LibTorch_INCLUDE_DIRS})
  target_compile_definitions(LibTorch::LibTorch INTERFACE
    USE_DISTRIBUTED USE_C10D_GLOO USE_RPC USE_TENSORPIPE)  # as LibTorch itself was compiled
  # libtorch_cpu.so exports the std::filesystem of the compiler that it was built with. The program's
  # own must be found first, or another compiler's program calls into that and crashes.
  # g++ built it: clang 18 and later give some of its templates other names otherwise
  # (findings/libtorch_names_under_new_clang.sh).
  set(_new_clang "$<AND:$<CXX_COMPILER_ID:Clang>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,18>>")
  target_compile_options(LibTorch::LibTorch INTERFACE "$<${_new_clang}:-fclang-abi-compat=17>")
  target_link_libraries(LibTorch::LibTorch INTERFACE stdc++ "${_torch_cpu}" "${_c10}")
  # The CPU libraries of a CUDA build name CUDA libraries that need not be there to link.
  target_link_options(LibTorch::LibTorch INTERFACE LINKER:--allow-shlib-undefined)

  if(LibTorch_CUDA)
    target_include_directories(LibTorch::LibTorch INTERFACE ${LibTorch_CUDA_INCLUDE_DIRS})
    # GRADUS_CUDA: gradus/device/cuda_graphs.hpp is more than a stand-in.
    target_compile_definitions(LibTorch::LibTorch INTERFACE USE_C10D_NCCL GRADUS_CUDA)
    target_link_libraries(LibTorch::LibTorch INTERFACE "${_torch}" "${_torch_cuda}" "${_c10_cuda}")
    # Nothing calls these by name: they register themselves when loaded.
    target_link_options(LibTorch::LibTorch INTERFACE LINKER:--no-as-needed)
  endif()
endif()
