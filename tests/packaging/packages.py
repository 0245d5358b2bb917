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
TRAINING = SOURCE / "tests/consumer/installed"
sys.path.insert(0, str(SOURCE / "tests/docs"))

from pasted import blocks, clone, section, shell  # noqa: E402


def run(*command, cwd=None, **environment) -> str:
    """The command's output; the test ends where it fails."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env={**os.environ, **environment}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
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

    # The tests.

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
             if value.__doc__ and not name.startswith("_") and name not in ("tool", "page", "installed", "use")]
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
