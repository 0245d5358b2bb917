"""Conan 2 recipe of gradus: what `cmake --install` installs. LibTorch is left to find_package(LibTorch).

    conan create cmake/packaging/conan
"""

import re
from pathlib import Path

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain
from conan.tools.files import copy

ROOT = Path("..", "..", "..")  # from the recipe to the repository


class Gradus(ConanFile):
    name = "gradus"
    description = "A header-only C++20 training library on LibTorch"
    license = "MIT"
    package_type = "header-library"
    settings = "os", "compiler", "build_type", "arch"
    options = {"system_headers": [True, False]}  # range-v3 and nlohmann_json: the system's, or Conan's
    default_options = {"system_headers": False}
    no_copy_source = True

    def set_version(self):
        header = Path(self.recipe_folder) / ROOT / "include/gradus/version.hpp"
        self.version = re.search(r'version = "([0-9.]+)"', header.read_text()).group(1)

    def export_sources(self):
        root = Path(self.recipe_folder) / ROOT
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*.cmake", "cmake/*.in", "include/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def requirements(self):
        if not self.options.system_headers:
            self.requires("range-v3/0.12.0", transitive_headers=True)
            self.requires("nlohmann_json/3.11.3", transitive_headers=True)

    def validate(self):
        check_min_cppstd(self, 20)

    def package_id(self):
        self.info.clear()

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["GRADUS_HEADERS_ONLY"] = True
        toolchain.generate()

    def build(self):
        CMake(self).configure()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # gradus's own package file is the one that is found: it finds LibTorch too.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["share/cmake/gradus"]
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
