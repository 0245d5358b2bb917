"""Configures, builds and tests gradus with one LibTorch after the other, and prints a table of what came out.

    python3 tests/try_libtorch.py [VERSION ...]      # without a version: all that can be downloaded

Each version has a build folder of its own, build/libtorch-VERSION, with the logs configure.log, build.log and
tests.log in it. A version that fails does not stop the next. Exits with 1 if any version failed.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).parents[1]


def known_versions():
    names = [file.name.removesuffix("-cpu.txt") for file in (ROOT / "cmake/torch").glob("*-cpu.txt")]
    return sorted(names, key=lambda name: [int(part) for part in name.split(".")])


def run(command, log):
    """Whether it succeeds, and how many seconds it takes; what it says goes to the log."""
    start = time.monotonic()
    with log.open("w") as file:
        done = subprocess.run([str(word) for word in command], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    return done.returncode == 0, time.monotonic() - start


def configure(version, folder, more):
    """None, or why there is nothing to build."""
    log = folder / "configure.log"
    succeeded, _ = run(["cmake", "--preset", "test", "-B", folder, f"-DGRADUS_TORCH_VERSION={version}", *more], log)
    if not succeeded:
        return "configuring failed"
    found = re.search(r"^-- LibTorch (\S+) for .*: \S+, (.*)$", log.read_text(), re.M)
    if not found or found[1] != version:
        return f"LibTorch {found[1]} in {found[2]} was found first" if found else "no LibTorch was found"
    return None


def build(folder, jobs):
    """As much of it as compiles: one file that does not must not hide what the others do."""
    ninja = "CMAKE_GENERATOR:INTERNAL=Ninja" in (folder / "CMakeCache.txt").read_text()
    return run(["cmake", "--build", folder, "-j", jobs, "--", *(["-k", "0"] if ninja else ["-k"])],
               folder / "build.log")


def test(folder, jobs, left_out):
    """Names of tests that passed, those that did not, and seconds. What is skipped on purpose is neither."""
    report = folder / "tests.xml"
    report.unlink(missing_ok=True)
    _, seconds = run(["ctest", "--test-dir", folder, "-j", jobs, "--output-on-failure", "--no-tests=error",
                      "--output-junit", report, *(["--exclude-regex", left_out] if left_out else [])],
                     folder / "tests.log")
    passed, failed = [], []
    for case in xml.etree.ElementTree.parse(report).iter("testcase") if report.exists() else []:
        skipped = case.find("skipped")
        on_purpose = skipped is not None and skipped.get("message", "").startswith("SKIP_")
        if case.get("status") == "run":
            passed.append(case.get("name"))
        elif case.get("status") != "disabled" and not on_purpose:
            failed.append(case.get("name"))
    return passed, failed, seconds


def try_version(version, options):
    """The row of the table, and lines that say what failed."""
    where = f"build/libtorch-{version}"
    folder = ROOT / where
    if options.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    reason = configure(version, folder, [f"-D{setting}" for setting in options.define])
    if reason:
        return f"| {version} | no: {reason} | | | |", [f"- {version}: {reason} ({where}/configure.log)"]
    compiles, build_seconds = build(folder, options.jobs)
    passed, failed, test_seconds = test(folder, options.jobs, options.leave_out)
    said = []
    if not compiles:
        said.append(f"- {version}: not everything compiles ({where}/build.log)")
    if failed or not passed:
        said.append(f"- {version}: {', '.join(failed) or 'no test ran'} ({where}/tests.log)")
    return (f"| {version} | {'yes' if compiles else 'no'} | {len(passed)} of {len(passed) + len(failed)} "
            f"| {build_seconds:.0f} | {test_seconds:.0f} |"), said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="one of " + ", ".join(known_versions()))
    parser.add_argument("-j", "--jobs", type=int, default=2, help="at once; one file takes over 1 GB (2)")
    parser.add_argument("-D", "--define", action="append", default=[], metavar="NAME=VALUE",
                        help="a setting for CMake, such as GRADUS_TESTS_COMPILER=same")
    parser.add_argument("--leave-out", metavar="REGEX", help="tests that are not to run")
    parser.add_argument("--fresh", action="store_true", help="remove the build folder of the version first")
    options = parser.parse_args()
    unknown = [version for version in options.versions if version not in known_versions()]
    if unknown:
        parser.error(f"{unknown[0]} cannot be downloaded: choose among {', '.join(known_versions())}")

    rows, said = [], []
    for version in options.versions or known_versions():
        print(f"LibTorch {version} ...", file=sys.stderr, flush=True)
        row, more = try_version(version, options)
        print(row, file=sys.stderr, flush=True)
        rows.append(row)
        said += more
    print("| LibTorch | compiles | tests passed | seconds to build | seconds to test |\n|---|---|---:|---:|---:|")
    print("\n".join(rows))
    if options.leave_out:
        print(f"\nLeft out: tests that match {options.leave_out}")
    if said:
        print("\n" + "\n".join(said))
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
