"""Makes the archive of a release, byte for byte the same each time, and its SHA-256 file.

    python3 cmake/packaging/release.py [<tag or commit>] [--out FOLDER]

The name has the version that include/gradus/version.hpp has in that commit; a tag must be v<version>.
Another version of git or zlib may pack the same files into other bytes.
"""

import argparse
import gzip
import hashlib
import io
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def git(*arguments: str) -> bytes:
    # No setting of the machine may change the bytes.
    fixed = ["-c", "tar.umask=0022", "-c", "core.autocrlf=false"]
    return subprocess.run(["git", "-C", ROOT, *fixed, *arguments], check=True, stdout=subprocess.PIPE).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", nargs="?", default="HEAD")
    parser.add_argument("--out", type=Path, default=Path("."))
    arguments = parser.parse_args()

    header = git("show", f"{arguments.revision}:include/gradus/version.hpp").decode()
    version = re.search(r'version = "([0-9.]+)"', header).group(1)
    if re.fullmatch(r"v[0-9.]+", arguments.revision) and arguments.revision != f"v{version}":
        sys.exit(f"The tag is {arguments.revision}, but version.hpp says {version}: move the tag or change the version.")

    name = f"gradus-{version}"
    tar = git("archive", "--format=tar", f"--prefix={name}/", arguments.revision)  # times: the commit's
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(tar)
    packed = buffer.getvalue()
    arguments.out.mkdir(parents=True, exist_ok=True)
    archive = arguments.out / f"{name}.tar.gz"
    archive.write_bytes(packed)
    digest = hashlib.sha256(packed).hexdigest()
    (arguments.out / f"{name}.tar.gz.sha256").write_text(f"{digest}  {name}.tar.gz\n")
    print(f"{digest}  {archive}")


if __name__ == "__main__":
    main()
