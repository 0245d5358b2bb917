"""Where the headers and CMake files of gradus, a C++ training library on LibTorch, are installed."""

from pathlib import Path


def cmake_dir() -> Path:
    """The folder for CMAKE_PREFIX_PATH or gradus_DIR."""
    return Path(__file__).resolve().parent / "share" / "cmake" / "gradus"


def include_dir() -> Path:
    """The folder that holds gradus/gradus.hpp."""
    return Path(__file__).resolve().parent / "include"
