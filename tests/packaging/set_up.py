"""Fills a folder with the tools that the tests `packaging` need and that a system rarely has, from PyPI:
the newest CMake, Conan, and the build backend of the wheel. For GRADUS_PACKAGING_TOOLS. With --torch also an
environment in which pip has installed torch (3 GB, 5.3 GB on disk), beside which the wheel is then tested.

    python3 tests/packaging/set_up.py FOLDER [--torch]
"""

import subprocess
import sys
import venv
from pathlib import Path


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["--torch"]):
        sys.exit(__doc__)
    folder = Path(sys.argv[1]).resolve()
    venv.create(folder, with_pip=True)
    requirements = Path(__file__).with_name("requirements.txt")
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                    "--requirement", requirements], check=True)
    if sys.argv[2:]:
        venv.create(folder / "torch", with_pip=True)
        subprocess.run([folder / "torch/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        "--no-cache-dir", "torch"], check=True)
    print(f"cmake --preset test -DGRADUS_PACKAGING_TOOLS={folder}")


if __name__ == "__main__":
    main()
