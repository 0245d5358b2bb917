"""Prints a folder of gradus: python3 -m gradus --cmake-dir"""

import argparse

from . import cmake_dir, include_dir


def main() -> None:
    parser = argparse.ArgumentParser(prog="gradus", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--cmake-dir", action="store_const", dest="folder", const=cmake_dir,
                      help="the folder for CMAKE_PREFIX_PATH or gradus_DIR")
    what.add_argument("--include-dir", action="store_const", dest="folder", const=include_dir,
                      help="the folder that holds gradus/gradus.hpp")
    print(parser.parse_args().folder())


if __name__ == "__main__":
    main()
