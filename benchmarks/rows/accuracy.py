"""Accuracy of `fastest` on the test set after 5 epochs at width 64: the mean of three seeds."""

import statistics

from environment import commit
from interleave import figure

TITLE = "Accuracy of `fastest`, width 64, 5 epochs"


def train(bench, widths):
    if 64 not in widths:
        return
    done = {run["seed"] for comparison in bench.runs(64) for run in comparison["runs"]
            if run["name"] == "fastest" and comparison["environment"]["commit"] == commit()}
    for seed in (0, 1, 2):
        if seed not in done:
            bench.compare(["fastest"], 64, seed)


def measure(bench):
    by_seed, facts = {}, {}
    for comparison in bench.runs(64):
        for run in comparison["runs"]:
            if run["name"] == "fastest":
                by_seed[run["seed"]] = run["test_accuracy"]
                facts[run["seed"]] = comparison["environment"]
    if not by_seed:
        return None
    shown = figure(f"mean of {len(by_seed)} seeds", list(by_seed.values()), "%", at_least=0.9,
                   middle=statistics.mean)
    shown["met"] = shown["met"] and len(by_seed) >= 3
    return {"figures": [shown], "runs": list(facts.values())}
