"""Fills a folder with the tools that the tests `packaging` need and that a system rarely has, from PyPI:
the newest CMake, Conan, and the build backend of the wheel. For GRADUS_PACKAGING_TOOLS.

    python3 tests/packaging/set_up.py FOLDER
"""

import subprocess
import sys
import venv
from pathlib import Path


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1]).resolve()
    venv.create(folder, with_pip=True)
    requirements = Path(__file__).with_name("requirements.txt")
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                    "--requirement", requirements], check=True)
    print(f"cmake --preset test -DGRADUS_PACKAGING_TOOLS={folder}")


if __name__ == "__main__":
    main()
