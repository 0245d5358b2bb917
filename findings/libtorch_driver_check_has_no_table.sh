#!/usr/bin/env bash
# A C++ extension that loads kernels of its own at run time and checks the driver's answers with
# AT_CUDA_DRIVER_CHECK, from ATen/cuda/Exceptions.h of PyTorch's wheel.
#
# One would expect: it compiles. The macro is in an installed header, and what it names,
#   at::globalContext().getNVRTC(), is declared in another one, ATen/Context.h.
# What happens: "invalid use of incomplete type": the table of functions that getNVRTC() returns is defined
#   in ATen/cuda/nvrtc_stub/ATenNVRTC.h, which the wheel leaves out. So neither that macro nor
#   AT_CUDA_NVRTC_CHECK can be used, nor the table itself.
# gradus opens the two libraries itself (device/cuda_program.hpp).
#
# Seen with torch==2.11.0, torch==2.15.0 and g++ 12.2 (2026-11-29), each:
# named by a macro: yes; header of the table: no; compiles: no, incomplete type
set -euo pipefail
shopt -s inherit_errexit

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cat > "$folder/use.cpp" <<'CPP'
#include <ATen/Context.h>

// What the macro does with the driver's answer, without the headers of CUDA.
const char* text_of(int code) {
  const char* text = nullptr;
  at::globalContext().getNVRTC().cuGetErrorString(code, &text);
  return text;
}
CPP
same=true
for version in 2.11.0 2.15.0; do
  "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "torch==$version"
  include=$(echo "$folder"/venv/lib/python3*/site-packages/torch/include)
  named=no header=no compiles=yes
  grep -q 'getNVRTC()\.cuGetErrorString' "$include/ATen/cuda/Exceptions.h" && named=yes
  [[ -e "$include/ATen/cuda/nvrtc_stub/ATenNVRTC.h" ]] && header=yes
  if ! LC_ALL=C g++ -std=c++20 -w -fsyntax-only "-isystem$include" "$folder/use.cpp" 2> "$folder/said"; then
    compiles="no, another error"
    grep -q 'incomplete type .*NVRTC' "$folder/said" && compiles="no, incomplete type"
  fi
  seen="named by a macro: $named; header of the table: $header; compiles: $compiles"
  echo "torch $version: $seen"
  [[ "$seen" == "named by a macro: yes; header of the table: no; compiles: no, incomplete type" ]] || same=false
done
$same || { echo "different now"; exit 1; }
