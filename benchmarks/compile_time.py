"""What does including all of gradus and instantiating `Optimized` cost a compiler, against torch/torch.h
and a loop written by hand? Seconds of processor time and peak memory, interleaved, several rounds."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

VARIANTS = {"by_hand": "torch/torch.h and a loop by hand",
            "whole": "gradus/gradus.hpp and Optimized",
            "narrow": "Optimized by narrow headers"}


def compile_once(command, source):
    """Seconds of processor time and MiB at the peak of one compilation."""
    process = subprocess.Popen([*command, "-c", str(source), "-o", os.devnull])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{source} does not compile")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("command", nargs="+", help="the compiler and its flags, behind --")
    arguments = parser.parse_args()

    version = subprocess.run([arguments.command[0], "--version"], capture_output=True, text=True).stdout
    result = {"compiler": version.splitlines()[0], "rounds": arguments.rounds, "levels": {}}
    for level in ("-O0", "-O2"):
        figures = {name: [] for name in VARIANTS}
        for _ in range(arguments.rounds):
            for name in VARIANTS:
                source = arguments.sources / f"{name}.cpp"
                figures[name].append(compile_once([*arguments.command, level], source))
        result["levels"][level] = {}
        print(f"\n| {level} | seconds | times by hand | MiB | times by hand |\n|---|---:|---:|---:|---:|")
        for name, meaning in VARIANTS.items():
            row = {}
            cells = []
            for column, unit in enumerate(("seconds", "mebibytes")):
                values = [figure[column] for figure in figures[name]]
                ratios = [value / by_hand[column]
                          for value, by_hand in zip(values, figures["by_hand"], strict=True)]
                row[unit] = values
                row[f"{unit}_over_by_hand"] = ratios
                cells.append(f"{statistics.median(values):.1f}" if column == 0
                             else f"{statistics.median(values):.0f}")
                cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
            result["levels"][level][name] = row
            print(f"| {meaning} | {' | '.join(cells)} |")
    arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
