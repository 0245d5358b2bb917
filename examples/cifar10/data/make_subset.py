#!/usr/bin/env python3
"""Makes a class-balanced subset of CIFAR-10's binary version.

    make_subset.py OFFICIAL_FOLDER SUBSET_FOLDER [--per-class 100]

From each of the six official files (checked by MD5) it takes the first records of each class, in their
original order and unchanged, and writes a file of the same name. `subset.md5` beside them marks the
folder as a subset and says what each file must be; `md5sum -c subset.md5` checks it too.
"""

import argparse
import hashlib
import pathlib
import sys

RECORD = 3073  # a label byte, then 3 planes of 32 x 32 pixels
CLASSES = 10
OFFICIAL_MD5 = {
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
}


def first_of_each_class(data: bytes, per_class: int) -> bytes:
    taken = [0] * CLASSES
    kept = []
    for start in range(0, len(data), RECORD):
        label = data[start]
        if taken[label] < per_class:
            taken[label] += 1
            kept.append(data[start:start + RECORD])
    if min(taken) < per_class:
        sys.exit(f"A file has only {min(taken)} records of some class; expected {per_class}: "
                 "ask for fewer with --per-class.")
    return b"".join(kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("official", type=pathlib.Path, help="folder with the six official files")
    parser.add_argument("subset", type=pathlib.Path, help="folder to write; made if it is not there")
    parser.add_argument("--per-class", type=int, default=100, help="records of each class in each file")
    arguments = parser.parse_args()
    if arguments.per_class < 1:
        parser.error("--per-class must be 1 or more")

    arguments.subset.mkdir(parents=True, exist_ok=True)
    manifest = ""
    for name, expected in OFFICIAL_MD5.items():
        data = (arguments.official / name).read_bytes()
        found = hashlib.md5(data).hexdigest()
        if found != expected:
            sys.exit(f"{arguments.official / name} has MD5 {found}; expected {expected}: "
                     "fetch the official file again.")
        part = first_of_each_class(data, arguments.per_class)
        (arguments.subset / name).write_bytes(part)
        manifest += f"{hashlib.md5(part).hexdigest()}  {name}\n"
    (arguments.subset / "subset.md5").write_text(manifest)
    (arguments.subset / "batches.meta.txt").write_bytes(
        (arguments.official / "batches.meta.txt").read_bytes())


if __name__ == "__main__":
    main()
