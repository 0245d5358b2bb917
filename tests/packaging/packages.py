"""Makes gradus's packages, one a test, by the commands of docs/packages.md, and uses each as its user would. Exits with
77 where a tool is not there.

    python3 packages.py TEST --work FOLDER --cxx COMPILER [--tools FOLDER] [--given=-D...]...
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
CONSUMER = SOURCE / "tests/packaging/consumer"
SITE = "import sysconfig; print(sysconfig.get_path('purelib'))"
HELPERS = ("tool", "page", "installed", "use", "asked", "script")
TRAINING = SOURCE / "tests/consumer/installed"
sys.path.insert(0, str(SOURCE / "tests/docs"))

from pasted import blocks, clone, section, shell  # noqa: E402


def run(*command, cwd=None, fails=False, **environment) -> str:
    """The command's output; the test ends where it fails, or does not when it should."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env={**os.environ, **environment}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if (done.returncode != 0) != fails:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def skip(why: str) -> None:
    print(f"Skipped: {why}")
    sys.exit(77)


def files(folder: Path) -> set:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


class Packaging:
    def __init__(self, arguments) -> None:
        self.work, self.given, self.cxx = arguments.work, arguments.given, arguments.cxx
        self.cmake, self.program = arguments.cmake, arguments.program
        self.tools = arguments.tools
        shutil.rmtree(self.work, ignore_errors=True)
        self.clone = clone(SOURCE, self.work / "gradus")

    def tool(self, name: str) -> Path:
        """A program that set_up.py has installed."""
        path = self.tools / "bin" / name if self.tools else None
        if not path or not path.exists():
            skip(f"{name} is not in GRADUS_PACKAGING_TOOLS, which tests/packaging/set_up.py fills")
        return path

    def page(self, heading: str, python=None, **environment) -> None:
        """Runs the first block of that section of docs/packages.md, in the root of a clone; the Python's environment
        is active there."""
        _, language, commands = blocks(section((SOURCE / "docs/packages.md").read_text(), heading))[0]
        assert language == "sh", commands
        folders = [*([python.parent] if python else []), self.cmake.parent, os.environ["PATH"]]
        shell(commands, self.clone, PATH=os.pathsep.join(map(str, folders)), **environment)

    def installed(self) -> Path:
        """What every package is made of: gradus, installed without a compiler or a dependency."""
        self.page("Installed")
        return self.clone / "PREFIX"

    def use(self, where: str, cmake=None, project=CONSUMER, arguments=(), given=None) -> str:
        """Builds a project that finds gradus by `where`; what configuring and the program print."""
        build = self.work / "consumer"
        shutil.rmtree(build, ignore_errors=True)
        cmake = cmake or self.cmake
        output = run(cmake, "-S", project, "-B", build, where, f"-DCMAKE_CXX_COMPILER={self.cxx}",
                     "-DCMAKE_CXX_FLAGS=-O0", *(self.given if given is None else given))
        run(cmake, "--build", build)
        return output + run(build / "consumer", *arguments)

    def asked(self, lines: str, *arguments, minimum="3.25", languages="CXX", fresh=True, **more) -> str:
        """What CMake prints for a project of these lines that is configured, not built."""
        project = self.work / "asked"
        project.mkdir(exist_ok=True)
        (project / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION {minimum})\nproject(asked LANGUAGES {languages})\n{lines}")
        build = self.work / "asked_build"
        if fresh:
            shutil.rmtree(build, ignore_errors=True)
        return run(self.cmake, "-S", project, "-B", build, "-Wno-dev", f"-DCMAKE_CXX_COMPILER={self.cxx}",
                   "-DGRADUS_CACHE=/dev/null/none", *arguments, **more)

    def script(self, lines: str, *arguments, **more) -> str:
        """What a script of these lines prints, which includes gradus's CMake files."""
        file = self.work / "script.cmake"
        file.write_text(f'cmake_policy(VERSION 3.25)\nset(cmake "{SOURCE}/cmake")\n{lines}')
        return run(self.cmake, *arguments, "-P", file, **more)

    def without(self, *packages) -> list:
        return [word for word in self.given if not word.startswith(tuple(f"-D{name}_" for name in packages))]

    # The tests.

    def names(self) -> None:
        """Nothing says to install `gradus` by that name: on PyPI it is another project."""
        wheel = SOURCE / "cmake/packaging/wheel"
        assert 'name = "gradus-torch"' in (wheel / "pyproject.toml").read_text()
        for page in (wheel / "README.md", SOURCE / "README.md", *(SOURCE / "docs").rglob("*.md")):
            by_name = re.search(r"pip3? install\b[^\n`]*\sgradus(\[\w+\])?(?![\w./*-])", page.read_text())
            assert not by_name, f"{page}: {by_name.group()}"

    def own_targets(self) -> None:
        """A project that has made range-v3 and nlohmann_json itself finds an installed gradus, and adds its folder."""
        made = "".join(f"add_library({name} INTERFACE)\nadd_library({name}::{name} ALIAS {name})\n"
                       for name in ("range-v3", "nlohmann_json"))
        given = self.without("range-v3", "nlohmann_json")
        self.asked(made + "find_package(gradus REQUIRED)\n", *given, f"-DCMAKE_PREFIX_PATH={self.installed()}")
        output = self.asked(made + f'add_subdirectory("{self.clone}" gradus)\n', *given)
        for name in ("range-v3", "nlohmann_json"):
            assert f"{name}: the target {name}::{name} of the project that uses gradus" in output, output

    def include_folder(self) -> None:
        """Headers that are installed into another folder are found there."""
        for folder in ("include/gradus-0", self.work / "headers"):
            prefix = self.work / "PREFIX"
            shutil.rmtree(prefix, ignore_errors=True)
            run(self.cmake, "--fresh", "-S", self.clone, "-B", self.work / "configured", "-DGRADUS_HEADERS_ONLY=ON",
                f"-DCMAKE_INSTALL_INCLUDEDIR={folder}")
            run(self.cmake, "--install", self.work / "configured", "--prefix", prefix)
            targets = (prefix / "share/cmake/gradus/gradusTargets.cmake").read_text()
            assert f'INTERFACE_INCLUDE_DIRECTORIES "{Path("${_IMPORT_PREFIX}", folder)}"' in targets, targets
            component = json.loads((prefix / "share/gradus/cps/gradus.cps").read_text())["components"]["gradus"]
            for place in component["includes"]:
                assert Path(place.replace("@prefix@", str(prefix)), "gradus/gradus.hpp").exists(), place

    def another_gradus(self) -> None:
        """A build folder that is told of another installed gradus takes all of that one."""
        first, second = self.installed(), self.work / "second"
        shutil.copytree(first, second)
        lines = 'find_package(gradus REQUIRED)\nmessage(STATUS "of ${gradus_DIR} and ${gradusRequires_DIR}")\n'
        for prefix, fresh in ((first, True), (second, False)):
            folder = prefix / "share/cmake/gradus"
            output = self.asked(lines, *self.given, f"-Dgradus_DIR={folder}", fresh=fresh)
            assert f"of {folder} and {folder}Requires" in output, output

    def around(self) -> None:
        """Variables and old policies of the project that finds gradus do not change what is found."""
        torch = next(word.split("=", 1)[1] for word in self.given if word.startswith("-DLibTorch_ROOT="))
        lines = ("set(driver postgres)\nset(smi 1)\nset(GRADUS_CUDA off)\nfind_package(gradus REQUIRED)\n"
                 'message(STATUS "from ${LibTorch_PREFIX}, CUDA ${LibTorch_CUDA}")\n')
        output = self.asked(lines, *self.without("LibTorch", "GRADUS"), f"-DCMAKE_PREFIX_PATH={self.installed()}",
                            minimum="3.10", LibTorch_ROOT=torch)
        assert f"from {Path(torch).resolve()}, CUDA OFF" in output, output
        if not Path("/proc/driver/nvidia/version").exists():
            lines = 'include("${cmake}/GradusDriver.cmake")\nset(%s %s)\ngradus_cuda_wanted(cuda)\nmessage("CUDA ${cuda}")\n'
            assert self.script(lines % ("driver", "postgres")) == self.script(lines % ("other", "postgres"))

    def libtorch_places(self) -> None:
        """The LibTorch that is named is taken before that of CMAKE_PREFIX_PATH, and all libraries are its own."""
        for name, minor in (("named", 15), ("other", 12)):
            for file in ("lib/libc10.so", "lib/libtorch_cpu.so", "lib/libtorch.so", "share/cmake/Torch/TorchConfig.cmake",
                         *(["lib/libtorch_cuda.so", "lib/libc10_cuda.so"] if name == "other" else []),
                         "include/torch/csrc/api/include/torch/version.h", "include/torch/headeronly/version.h"):
                (self.work / name / file).parent.mkdir(parents=True, exist_ok=True)
                (self.work / name / file).write_text("".join(
                    f"#define TORCH_VERSION_{part} {number}\n" for part, number in (("MAJOR", 2), ("MINOR", minor), ("PATCH", 0))))
        named, other = self.work / "named", self.work / "other"
        lines = (f'list(PREPEND CMAKE_MODULE_PATH "{SOURCE}/cmake")\nfind_package(LibTorch MODULE REQUIRED)\n'
                 "get_target_property(linked LibTorch::LibTorch INTERFACE_LINK_LIBRARIES)\n"
                 'message(STATUS "links ${linked}")\n')
        libraries = ";".join(f"{named}/lib/lib{name}.so" for name in ("torch_cpu", "c10"))
        for told in (f"-DLibTorch_ROOT={named}", f"-DTorch_ROOT={named}", f"-DTorch_DIR={named}/share/cmake/Torch"):
            output = self.asked(lines, told, f"-DCMAKE_PREFIX_PATH={other}", "-DGRADUS_CUDA=on", languages="NONE")
            assert f"links stdc++;{libraries}\n" in output and "built without CUDA" in " ".join(output.split()), output

    def choices(self) -> None:
        """GRADUS_CUDA and its like are auto, on or off in any case, and nothing else."""
        lines = 'include("${cmake}/GradusDriver.cmake")\ngradus_cuda_wanted(cuda)\nmessage("CUDA ${cuda}")\n'
        for value, told in (("on", "ON"), ("TRUE", "ON"), ("1", "ON"), ("Off", "OFF"), ("no", "OFF"), ("0", "OFF")):
            assert self.script(lines, f"-DGRADUS_CUDA={value}") == f"CUDA {told}\n", value
        assert self.script(lines, "-DGRADUS_CUDA=AUTO") == self.script(lines, "-DGRADUS_CUDA=auto")
        for value in ("cpu", "none", "cuda"):
            assert f"GRADUS_CUDA is {value}, but must be auto, on or off" in self.script(
                lines, f"-DGRADUS_CUDA={value}", fails=True)

    def other_machines(self) -> None:
        """LibTorch is downloaded for the machine that programs are built for, and refused where there is none."""
        (self.work / "cache/torch-2.15.0-cpu-aarch64").mkdir(parents=True)
        lines = ('include("${cmake}/GradusCache.cmake")\ninclude("${cmake}/GradusFetchTorch.cmake")\n'
                 "set(CMAKE_HOST_SYSTEM_PROCESSOR x86_64)\n"
                 'gradus_fetch_torch(cpu folder source)\nmessage("${folder}")\n')
        for system, machine, told in (("Linux", "aarch64", "torch-2.15.0-cpu-aarch64/torch"),
                                      ("Linux", "riscv64", "No LibTorch for Linux on riscv64 can be downloaded"),
                                      ("Darwin", "x86_64", "No LibTorch for Darwin on x86_64 can be downloaded")):
            output = self.script(lines, f"-DCMAKE_SYSTEM_NAME={system}", f"-DCMAKE_SYSTEM_PROCESSOR={machine}",
                                 f"-DGRADUS_CACHE={self.work}/cache", "-DGRADUS_TORCH_VERSION=2.15.0",
                                 fails=told.startswith("No"))
            assert told in output, output
        # Nor can what is downloaded be kept in a folder that cannot be made.
        output = self.script(lines, "-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=x86_64",
                             "-DGRADUS_CACHE=/dev/null/none", fails=True)
        assert "The cache folder /dev/null/none cannot be locked: it cannot be made" in " ".join(output.split()), output

    def debian_packages(self) -> None:
        """Machines of two kinds share a cache; of several names of a package the one that the release has is fetched."""
        programs = self.work / "programs"
        programs.mkdir()
        for name, lines in (("dpkg", "echo $MACHINE"), ("dpkg-deb", 'mkdir "$3/usr"; cp "$2" "$3/usr/kind"'),
                            ("apt-get", 'for name; do :; done; case $name in here-*) echo $MACHINE > $name.deb;; '
                                        'update) echo "$*" >> $CALLS;; *) exit 100;; esac')):
            (programs / name).write_text(f"#!/bin/sh\n{lines}\n")
            (programs / name).chmod(0o755)
        lines = ('include("${cmake}/GradusCache.cmake")\ninclude("${cmake}/GradusFetchHeaders.cmake")\n'
                 'gradus_fetch_debian("gone-1|here-2|here-3" prefix source)\n'
                 'file(READ "${prefix}/kind" kind)\nmessage("${source} ${prefix} ${kind}")\n')
        calls = self.work / "calls"
        for source in ("downloaded", "cache"):
            for machine in ("amd64", "arm64"):
                output = self.script(lines, f"-DGRADUS_CACHE={self.work}/cache", MACHINE=machine, CALLS=str(calls),
                                     PATH=os.pathsep.join([str(programs), os.environ["PATH"]]))
                assert re.fullmatch(rf"{source} \S+-{machine}/here-2/usr {machine}\n\n", output), output
        lists = re.findall(r"Dir::State::lists=(\S+)", calls.read_text())  # each machine has its own
        assert len(lists) == 2 and lists[0] != lists[1], lists

    def tests_later(self) -> None:
        """A build folder that was configured without tests gets them, and needs no examples for it."""
        build = self.work / "configured"
        for tests in ("OFF", "ON"):  # with a sanitizer the slow part, that of structure/, is left out
            run(self.cmake, "-S", self.clone, "-B", build, f"-DCMAKE_CXX_COMPILER={self.cxx}", *self.given,
                "-DGRADUS_CACHE=/dev/null/none", "-DGRADUS_CACHE_ONLY=ON", "-DGRADUS_BUILD_EXAMPLES=OFF",
                f"-DGRADUS_BUILD_TESTS={tests}", "-DGRADUS_SANITIZE=undefined")
        assert "core_error" in run(self.cmake.parent / "ctest", "-N", cwd=build)

    def versions(self) -> None:
        """Every place that repeats the version has that of version.hpp."""
        header = (SOURCE / "include/gradus/version.hpp").read_text()
        version = re.search(r'version = "([0-9.]+)"', header).group(1)
        port = json.loads((SOURCE / "cmake/packaging/vcpkg/ports/gradus/vcpkg.json").read_text())
        assert port["version"] == version, port["version"]
        heading = re.search(r"^## ([0-9.]+)", (SOURCE / "docs/changelog.md").read_text(), re.M).group(1)
        assert version == heading, heading

    def install(self) -> None:
        """The CMake that tests gradus finds it, and nothing of this machine is in what it installs."""
        prefix = self.installed()
        for name in files(prefix):
            text = (prefix / name).read_text()
            assert str(SOURCE) not in text and str(self.work) not in text, name
        places = (prefix / "share/cmake/gradus/gradusPackages.cmake").read_text()
        assert not re.search(r'^set\(\S+ "[^"]', places, re.M), places
        assert "gradusConfig.cmake" in self.use(f"-DCMAKE_PREFIX_PATH={prefix}")

    def cps(self) -> None:
        """gradus.cps is JSON that names what is there, and CMake 4.3 and later read it where they are told of it."""
        prefix = self.installed()
        package = json.loads((prefix / "share/gradus/cps/gradus.cps").read_text())
        assert package["name"] == "gradus" and package["cps_path"] == "@prefix@/share/gradus/cps", package
        component = package["components"]["gradus"]
        assert component["type"] == "interface"
        for folder in component["includes"]:
            assert Path(folder.replace("@prefix@", str(prefix)), "gradus/gradus.hpp").exists(), folder
        for required in component["requires"]:
            assert required.split(":")[0] in package["requires"], required
        cmake = self.tools / "bin/cmake" if self.tools else Path()
        if cmake.is_file():
            assert "gradus.cps" in self.use(f"-DCMAKE_PREFIX_PATH={prefix}/share;{prefix}", cmake)

    def new_cmake(self) -> None:
        """The newest CMake installs gradus and builds a program that trains."""
        self.cmake = self.tool("cmake")
        output = self.use(f"-DCMAKE_PREFIX_PATH={self.installed()}", project=TRAINING,
                          arguments=[self.program])
        assert re.search(r"^0\.[0-9]+$", output, re.M), output  # its accuracy

    def deb(self) -> None:
        """The Debian package holds what is installed, and says what it needs."""
        if not shutil.which("dpkg-deb"):
            skip("dpkg-deb is not here")
        prefix = self.installed()
        self.page("Debian")
        (package,) = (self.clone / "build/deb").glob("*.deb")
        assert run("dpkg-deb", "-f", package, "Architecture").strip() == "all"
        needed = run("dpkg-deb", "-f", package, "Depends")
        assert "librange-v3-dev" in needed and "nlohmann-json3-dev" in needed, needed
        run("dpkg-deb", "-x", package, self.work / "root")
        assert files(self.work / "root/usr") == files(prefix)
        self.use(f"-DCMAKE_PREFIX_PATH={self.work}/root/usr")

    def wheel(self) -> None:
        """The wheel holds what is installed, and finds the LibTorch of its Python."""
        tools = Path(run(self.tool("python"), "-c", SITE).strip())
        prefix = self.installed()
        environment = self.tools / "torch"  # which set_up.py --torch makes
        real = environment.exists()
        if not real:
            environment = self.work / "venv"
            venv.create(environment, with_pip=False)
        python = environment / "bin/python3"
        site = Path(run(python, "-c", SITE).strip()).resolve()
        # pip and what builds the wheel are the tools'; without isolation (0 says so) it downloads nothing.
        self.page("Python", python, PYTHONPATH=str(tools), CMAKE_EXECUTABLE=str(self.cmake), PIP_NO_BUILD_ISOLATION="0",
                  PIP_NO_INDEX="1", PIP_FORCE_REINSTALL="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
        assert files(prefix) == {name for name in files(site / "gradus") if not name.endswith((".py", ".pyc"))}
        (metadata,) = site.glob("gradus_torch-*.dist-info/METADATA")  # not `gradus`, which is another project's on PyPI
        assert re.search(r"^Name: gradus-torch$", metadata.read_text(), re.M), metadata

        if not real:
            torch = next(word.split("=", 1)[1] for word in self.given if word.startswith("-DLibTorch_ROOT="))
            (site / "torch").symlink_to(torch)  # as pip install torch would have put it there
        given = [word for word in self.given if not word.startswith("-DLibTorch_ROOT=")]
        folder = run(python, "-m", "gradus", "--cmake-dir").strip()
        for name in ("CMAKE_PREFIX_PATH", "gradus_DIR"):
            assert str(site) in self.use(f"-D{name}={folder}", given=given)
        if real:
            output = self.use(f"-DCMAKE_PREFIX_PATH={folder}", project=TRAINING, given=given, arguments=[self.program])
            assert f"Found LibTorch: {site}/torch " in output and re.search(r"^0\.[0-9]+$", output, re.M), output

    def archive(self) -> None:
        """The archive of a release has the same bytes each time."""
        if not (SOURCE / ".git").exists() or not shutil.which("git"):
            skip("this is no git repository")
        made = []
        for name in ("first", "second"):
            run(sys.executable, SOURCE / "cmake/packaging/release.py", "HEAD", "--out", self.work / name)
            (archive,) = (self.work / name).glob("*.tar.gz")
            run("sha256sum", "--check", f"{archive.name}.sha256", cwd=archive.parent)
            made.append(archive.read_bytes())
        assert made[0] == made[1]

    def conan(self) -> None:
        """Conan packs what is installed. Its test_package trains, and is run by hand: docs/packages.md."""
        conan = self.tool("conan")
        prefix = self.installed()
        home = {"CONAN_HOME": str(self.work / "conan")}
        run(conan, "profile", "detect", **home)
        output = run(conan, "create", SOURCE / "cmake/packaging/conan", "--no-remote", "--test-folder=",
                     "--settings=compiler.cppstd=20", "--options=gradus/*:system_headers=True", **home)
        folder = Path(re.search(r"Package folder (.+)", output).group(1).strip())
        assert files(prefix) == {name for name in files(folder) if not name.startswith("conan")}


def main() -> None:
    tests = [name for name, value in vars(Packaging).items()
             if value.__doc__ and not name.startswith("_") and name not in HELPERS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("test", choices=tests)
    parser.add_argument("--work", type=Path, required=True, help="is emptied")
    parser.add_argument("--cxx", default="c++")
    parser.add_argument("--cmake", type=Path, default=Path(shutil.which("cmake") or "cmake"))
    parser.add_argument("--tools", type=Path, help="what set_up.py has filled")
    parser.add_argument("--given", action="append", default=[], help="a -D that says where a package is")
    parser.add_argument("--program", default="", help="the argument of tests/consumer/installed: its data")
    arguments = parser.parse_args()
    arguments.work = arguments.work.resolve()
    getattr(Packaging(arguments), arguments.test)()


if __name__ == "__main__":
    main()
