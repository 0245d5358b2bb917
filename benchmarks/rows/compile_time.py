"""What including all of gradus and instantiating `Optimized` costs a compiler, against torch/torch.h and
a loop written by hand (benchmarks/compile_time.py)."""

import json
import subprocess
import sys

from environment import ROOT
from interleave import figure

TITLE = "Compiling `Optimized` over a loop written by hand"


def measure(bench):
    path = bench.scratch / "compile_time.json"
    command = (bench.build / "compile_command.txt").read_text(encoding="utf-8").split("\n")
    script = ROOT / "benchmarks" / "compile_time.py"
    subprocess.run([sys.executable, script, "--sources", script.with_suffix(""), "--json", path,
                    "--rounds", str(bench.rounds), "--", *filter(None, command)],
                   check=True, stdout=sys.stderr)
    compared = json.loads(path.read_text(encoding="utf-8"))
    return {"compiler": compared["compiler"],
            "figures": [figure(f"processor time at {level}, {what}",
                               variants[name]["seconds_over_by_hand"], "times")
                        for level, variants in compared["levels"].items()
                        for name, what in (("whole", "all of gradus"), ("narrow", "narrow headers"))]}
