#!/usr/bin/env bash
# A C++ program that reads a tensor by `tensor.const_data_ptr<float>()`, compiled by clang against LibTorch.
#
# One would expect: it links, as with g++: both follow one ABI.
# What happens: since version 18 clang puts the type of a template parameter that is no plain type into the
#   name of the function, where g++ (which LibTorch is built with) and older clangs leave it out. The member
#   functions of a tensor that are constrained by std::enable_if, const_data_ptr among them, have names that
#   no library of LibTorch exports: "undefined reference", with nothing wrong in the program.
# gradus gives such a compiler -fclang-abi-compat=17 (cmake/FindLibTorch.cmake), which keeps the old names.
#
# Seen with torch==2.11.0 and clang 19.1 of ziglang==0.14.1 (2026-11-29):
# as it is: not exported; with -fclang-abi-compat=17: exported
set -euo pipefail
shopt -s inherit_errexit

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" --no-deps torch==2.11.0
"${pip[@]}" ziglang==0.14.1
torch=$(echo "$folder"/venv/lib/python3*/site-packages/torch)
cat > "$folder/read.cpp" <<'CPP'
#include <ATen/core/Tensor.h>

const float* read(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }
CPP
# The headers of the system, g++'s standard library among them, as clang takes them on most Linux systems.
mapfile -t system < <(c++ -E -x c++ -v /dev/null 2>&1 | sed -n '/#include <...>/,/End of search/s/^ //p' | sed 's/^/-isystem/')
exported() {
  "$folder/venv/bin/python" -m ziglang c++ -target x86_64-linux-gnu -nostdinc \
    "-isystem$(echo "$folder"/venv/lib/python3*/site-packages/ziglang/lib/include)" "${system[@]}" "-isystem$torch/include" \
    -std=c++20 -w -O1 "$@" -c "$folder/read.cpp" -o "$folder/read.o"
  local name
  name=$(nm --undefined-only "$folder/read.o" | grep -o '[^ ]*14const_data_ptr[^ ]*')
  # Into a file first: grep -q would end a pipe early.
  nm --dynamic --defined-only "$torch/lib/libtorch_cpu.so" > "$folder/names"
  if grep -qF " $name" "$folder/names"; then echo exported; else echo "not exported"; fi
}
now=$(exported)
compatible=$(exported -fclang-abi-compat=17)
echo "as it is: $now; with -fclang-abi-compat=17: $compatible"
[[ "$now" == "not exported" && "$compatible" == exported ]] || { echo "different now"; exit 1; }
