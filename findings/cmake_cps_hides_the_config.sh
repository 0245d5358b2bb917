#!/usr/bin/env bash
# find_package(one COMPONENTS more) of CMake 4.4, of a package that installs one.cps, without that component, and
# oneConfig.cmake.
#
# One would expect: the .cps file is passed over, for it lacks the component, and oneConfig.cmake is read.
# What happens: one_FOUND is true and one_CONFIG names oneConfig.cmake, which is not read: the targets are those of
#   one.cps. So a package that adds a .cps file to what it installs loses its components, without an error.
# gradus installs its .cps file where find_package does not look (cmake/GradusInstall.cmake).
#
# Seen with cmake==4.4.5 (2026-11-30): with the .cps file: found 1, read: no; without it: found 1, read: yes
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check cmake==4.4.5
mkdir -p "$folder/prefix/share/cps/one" "$folder/prefix/share/cmake/one"
cat > "$folder/prefix/share/cps/one/one.cps" <<'CPS'
{"cps_version": "0.13.0", "name": "one", "cps_path": "@prefix@/share/cps/one",
 "components": {"one": {"type": "interface"}}, "default_components": ["one"]}
CPS
echo 'set(read yes)' > "$folder/prefix/share/cmake/one/oneConfig.cmake"
cat > "$folder/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(finding LANGUAGES NONE)
set(read no)
find_package(one REQUIRED COMPONENTS more)
message(STATUS "found ${one_FOUND}, read: ${read}")
CMAKE
found() {
  "$folder/venv/bin/cmake" --fresh -S "$folder" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/prefix" | sed -n 's/^-- \(found .*\)/\1/p'
}
with=$(found)
rm -r "$folder/prefix/share/cps"
without=$(found)
echo "with the .cps file: $with; without it: $without"
[[ $with == "found 1, read: no" && $without == "found 1, read: yes" ]] || { echo "different now"; exit 1; }
