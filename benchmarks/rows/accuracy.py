"""Accuracy of `fastest` on the test set after 5 epochs at width 64: the mean of three seeds."""

import statistics

from environment import commit
from interleave import figure

TITLE = "Accuracy of `fastest`, width 64, 5 epochs"


def train(bench, widths):
    if 64 not in widths:
        return
    done = {runs["fastest"]["seed"] for facts, runs in bench.runs(64, "fastest")
            if facts["commit"] == commit()}
    for seed in (0, 1, 2):
        if seed not in done:
            bench.compare(["fastest"], 64, seed)


def measure(bench):
    by_seed = {runs["fastest"]["seed"]: (facts, runs["fastest"]["test_accuracy"])
               for facts, runs in bench.runs(64, "fastest")}
    if not by_seed:
        return None
    shown = figure(f"mean of {len(by_seed)} seeds", [accuracy for _, accuracy in by_seed.values()], "%",
                   at_least=0.9, middle=statistics.mean)
    shown["met"] = shown["met"] and len(by_seed) >= 3
    return {"figures": [shown], "runs": [facts for facts, _ in by_seed.values()]}
