"""What saving `Optimized` at width 64 costs: the stall of the training thread and the checksums, over
the time that the save takes beside it, on the disk with the temporary files (benchmarks/saving.cpp)."""

import json
import subprocess
import sys

from interleave import figure

TITLE = "Saving a run"


def measure(bench):
    path = bench.scratch / "saving.json"
    subprocess.run([bench.program("benchmark_saving"), path, bench.scratch / "checkpoints"], check=True,
                   stdout=sys.stderr)
    found = json.loads(path.read_text(encoding="utf-8"))
    return {"figures": [
        figure("stall of the training thread over the save", found["stall_of_save"], "times",
               at_most=0.05),
        figure("checksums over the save", found["checksums_of_save"], "times", at_most=0.05),
        figure(f"seconds of a save of {found['bytes'] / 1e6:.0f} MB", found["save_seconds"], "s")]}
