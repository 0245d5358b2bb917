"""Mutation testing: makes a change to a copy of the headers and says whether the tests that should notice do.

The lists of changes are in semantics/break_lines.py and durability/break_promises.py. They work on the build
tree of the preset `test`. `--check` only looks whether every text that is changed is still there.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
BUILD = ROOT / "build/test/tests"


def recipe(target):
    """How CMake compiles a source of `target`, and what it links it with."""
    folder = next(BUILD.glob(f"**/CMakeFiles/{target}.dir"))
    text = (folder / "flags.make").read_text()
    keys = ("CXX_DEFINES", "CXX_INCLUDES", "CXX_FLAGS")
    compile_flags = " ".join(re.search(rf"^{key} = (.*)$", text, re.M).group(1) for key in keys)
    link = (folder / "link.txt").read_text()
    return compile_flags, link[link.index("-Wl,-rpath"):].strip()


def build(target, source, headers, binary, more=""):
    compile_flags, libraries = recipe(target)
    command = compile_flags.replace(f"-I{ROOT}/include", f"-I{headers}/include")
    prefix = BUILD.parent / "CMakeFiles/gradus_pch.dir/cmake_pch.hxx"
    if prefix.exists():
        command += f" -include {prefix}"
    return subprocess.run(f"c++ {command} {more} -w {source} -o {binary} -Wl,--allow-shlib-undefined {libraries}",
                          shell=True, capture_output=True, text=True)


def refuse_unless_built(run):
    if run.returncode != 0:
        raise SystemExit(f"the change does not compile, which proves nothing:\n{run.stderr[:2000]}")


def noticed(folder, test):
    """Whether the test file fails with the headers in `folder`."""
    room, name = test.rsplit("/", 1)
    if room.startswith("compile_fail"):
        command = recipe("test_policy")[0].replace(f"-I{ROOT}/include", f"-I{folder}/include")
        source = ROOT / f"tests/{test}.cpp"
        return subprocess.run(f"c++ {command} -fsyntax-only {source}", shell=True, capture_output=True).returncode == 0
    more = str(BUILD / "CMakeFiles/gradus_test_main.dir/main.cpp.o")
    if room == "durability":  # its tests start a program, which has to have the change
        program = folder / "durable_run"
        refuse_unless_built(build("durable_run", ROOT / "tests/durability/durable_run.cpp", folder, program))
        more += f" -UGRADUS_DURABLE_RUN '-DGRADUS_DURABLE_RUN=\"{program}\"'"
    if room == "kernel":
        more += " -O2"  # as tests/CMakeLists.txt has it for the long one
    built = build(f"test_{room}", ROOT / f"tests/{test}_test.cpp", folder, folder / "test", more)
    if "static assertion failed" in built.stderr:
        return True
    refuse_unless_built(built)
    return subprocess.run([folder / "test"], capture_output=True, cwd=folder, timeout=600).returncode != 0


def main(changes):
    """`changes`: rows of a label, what is broken, header, a text of it, what takes its place, test file.

    Prints a row for each, those with the labels named on the command line; exits with 1 if one went unnoticed.
    """
    wanted, missed = set(sys.argv[1:]), 0
    check = "--check" in wanted
    wanted.discard("--check")
    if not check:
        print("| line | broken on purpose | test | noticed |\n|---|---|---|---|")
    for label, what, header, text, other, test in changes:
        if wanted and label not in wanted:
            continue
        if text not in (ROOT / "include/gradus" / header).read_text():
            raise SystemExit(f"{header} has no text '{text}' any more; mend the change '{what}'")
        if check:
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            shutil.copytree(ROOT / "include", folder / "include")
            path = folder / "include/gradus" / header
            path.write_text(path.read_text().replace(text, other, 1))
            found = noticed(folder, test)
        missed += not found
        print(f"| {label} | {what} | `{test}` | {'yes' if found else 'NO'} |", flush=True)
    sys.exit(1 if missed else 0)
