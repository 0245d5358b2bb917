#!/usr/bin/env bash
# A C++ program that links LibTorch as `target_link_libraries(program ${TORCH_LIBRARIES})` does, LibTorch's
# libraries before the compiler's own, and uses std::filesystem.
#
# One would expect: std::filesystem is that of the compiler, in libstdc++.so.
# What happens: libtorch_cpu.so exports its own copy of std::filesystem, of the compiler that it was built
#   with, and whoever is named first is taken: the program's calls end in libtorch_cpu.so. With g++ 12 on
#   Debian 12 that goes well; a program that g++ 13 had compiled on Ubuntu 24.04, linked to the CUDA build of
#   the same version, crashed where it made and removed folders, and did not with -lstdc++ in front.
# gradus names libstdc++ first (cmake/FindLibTorch.cmake).
#
# Seen with torch==2.11.0 (2026-11-28), g++ 12.2: behind LibTorch: libtorch_cpu.so; before it: libstdc++.so.6
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.11.0 numpy
torch=$("$folder/venv/bin/python" -c 'import os, torch; print(os.path.dirname(torch.__file__))')
cat > "$folder/where.cpp" <<'CPP'
#include <dlfcn.h>

#include <filesystem>
#include <iostream>

int main() {
  std::uintmax_t (*remove_all)(const std::filesystem::path&) = &std::filesystem::remove_all;
  Dl_info info{};
  dladdr(reinterpret_cast<void*>(remove_all), &info);
  std::cout << std::filesystem::path(info.dli_fname).filename().string() << '\n';
}
CPP
where() {
  c++ -std=c++20 "$folder/where.cpp" -o "$folder/where" "$@" -ldl
  "$folder/where"
}
libtorch=(-L"$torch/lib" -Wl,--no-as-needed -ltorch_cpu -lc10 -Wl,--allow-shlib-undefined "-Wl,-rpath,$torch/lib")
behind=$(where "${libtorch[@]}")
before=$(where -lstdc++ "${libtorch[@]}")
echo "behind LibTorch: $behind; before it: $before"
[[ "$behind" == libtorch_cpu.so && "$before" == libstdc++.so.6 ]] || { echo "different now"; exit 1; }
