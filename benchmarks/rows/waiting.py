"""The part of training time spent waiting for data: a short run at width 16, where steps are quick and
data must come fastest, a round an epoch; and the full runs that are there."""

import json

from interleave import figure

TITLE = "Time waiting for data"
SHORT = ("--epochs", 5, "--width", 16, "--train-samples", 10_240, "--test-samples", 64)


def waited(run):
    return [epoch["waiting_seconds"] / epoch["train_seconds"] for epoch in run["epochs"]]


def measure(bench):
    out = bench.cifar10("compare", "optimized", "fastest", *SHORT)
    comparison = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    figures = [figure(f"`{run['name']}`, width 16, 10,240 images", waited(run), "%", at_most=0.01)
               for run in comparison["runs"]]
    for width in (16, 64):
        for name in ("optimized", "fastest"):
            parts = [part for _, runs in bench.runs(width, name) for part in waited(runs[name])]
            if parts:
                figures.append(figure(f"`{name}`, width {width}, full runs", parts, "%", at_most=0.01))
    return {"figures": figures}
