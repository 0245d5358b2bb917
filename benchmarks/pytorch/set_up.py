"""Brings Python PyTorch into gradus's cache folder, in a virtual environment of its own.

    python3 set_up.py      prints the path of its Python

The package of PyPI is the CUDA build, about 5 GB unpacked; it computes on the CPU just as well."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import venv

REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")


def cache_folder():
    """As cmake/GradusDependencies.cmake finds it."""
    if own := os.environ.get("GRADUS_CACHE"):
        return pathlib.Path(own)
    if user := os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(user) / "gradus"
    return pathlib.Path.home() / ".cache" / "gradus"


def set_up():
    """The Python that has the requirements. The folder appears only when it is complete."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:8]
    folder = cache_folder() / f"pytorch-peers-python{version}-{digest}"
    if not folder.exists():
        print(f"Python PyTorch: installing into {folder}", file=sys.stderr)
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        venv.create(part, with_pip=True)
        subprocess.run([part / "bin" / "python", "-m", "pip", "install", "--quiet",
                        "--disable-pip-version-check", "--requirement", REQUIREMENTS],
                       check=True, stdout=sys.stderr)
        part.rename(folder)
    return folder / "bin" / "python"


if __name__ == "__main__":
    print(set_up())
