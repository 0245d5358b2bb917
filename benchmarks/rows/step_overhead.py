"""The trainer's step against the loop written by hand, in one thread (benchmarks/step_overhead.cpp)."""

import json
import subprocess
import sys

from interleave import figure

TITLE = "Trainer over the loop written by hand"


def measure(bench):
    path = bench.scratch / "step_overhead.json"
    subprocess.run([bench.program("step_overhead"), path], check=True, stdout=sys.stderr)
    compared = json.loads(path.read_text(encoding="utf-8"))
    return {"figures": [figure(entry["what"], entry["ratios"], "times",
                               at_most=1.01 if number == 0 else None)
                        for number, entry in enumerate(compared)]}
