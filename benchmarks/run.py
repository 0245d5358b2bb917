"""Measures the rows of docs/performance.md, leaves the figures of each as JSON and rewrites the page.

    run.py                                 all rows that take minutes; long ones from the runs that are kept
    run.py --only data_pipeline waiting    these rows
    run.py --long                          the trainings of the long rows too: hours
    run.py --long --only fastest_over_unoptimized --width 16
    run.py --take runs/x/comparison.json   keeps that run for the long rows

All is measured interleaved, with the same number of threads. Let the machine do nothing else."""

import argparse
import json
import pathlib
import subprocess
import sys
import time

import page
import rows
from bench import Bench
from environment import ROOT, environment
from interleave import say, threads_here


def arguments_of():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "benchmark")
    parser.add_argument("--results", type=pathlib.Path, default=page.RESULTS)
    parser.add_argument("--page", type=pathlib.Path, default=page.PAGE)
    parser.add_argument("--data", type=pathlib.Path, help="folder of CIFAR-10 [as gradus-cifar10 finds it]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=threads_here())
    parser.add_argument("--only", nargs="+", choices=rows.NAMES, metavar="ROW", default=[])
    parser.add_argument("--skip", nargs="+", choices=rows.NAMES, metavar="ROW", default=[])
    parser.add_argument("--long", action="store_true", help="run the trainings of the long rows")
    parser.add_argument("--width", type=int, nargs="+", default=[16, 64], choices=[16, 64],
                        help="of the long rows")
    parser.add_argument("--take", type=pathlib.Path, nargs="+", default=[], metavar="COMPARISON.json")
    return parser.parse_args()


def measure(name, bench, arguments):
    """Leaves `name`.json, unless the row has nothing to go by yet."""
    row = page.row_of(name)
    begin = time.monotonic()
    here = environment(arguments.threads)
    if arguments.long and hasattr(row, "train"):
        row.train(bench, arguments.width)
    measured = row.measure(bench)
    if measured is None:
        say(f"  no runs yet; `run.py {page.flags_of(name)}` makes them" if hasattr(row, "train")
            else "  not measured: no CUDA device here")
        return
    result = {"row": name, "title": row.TITLE, "question": " ".join(row.__doc__.split()),
              "command": f"python3 benchmarks/run.py {page.flags_of(name)}",
              "took_seconds": round(time.monotonic() - begin, 1)} | measured
    if "runs" not in measured:  # else the runs say where they were made
        result["environment"] = here
    bench.results.mkdir(parents=True, exist_ok=True)
    path = bench.results / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for figure in measured["figures"]:
        say("  " + page.line_of(figure))


def main():
    arguments = arguments_of()
    bench = Bench(arguments.build.absolute(), arguments.results.absolute(), arguments.rounds,
                  arguments.threads, arguments.data and arguments.data.absolute())
    failed = []
    try:
        for path in arguments.take:
            bench.take(path)
        for name in arguments.only or [n for n in rows.NAMES if n not in arguments.skip]:
            say(f"{name} ...")
            try:
                measure(name, bench, arguments)
            except (SystemExit, OSError, subprocess.CalledProcessError) as failure:
                say(f"  {name} failed: {failure}")
                failed.append(name)
    finally:
        bench.close()
    page.rewrite(arguments.results, arguments.page)
    if failed:
        sys.exit(f"These rows failed, what they said stands above: {', '.join(failed)}")


if __name__ == "__main__":
    main()
