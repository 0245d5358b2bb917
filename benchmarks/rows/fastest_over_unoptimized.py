"""`fastest` over `unoptimized`: 5 epochs of the full CIFAR-10, one after the other in one run. With
runs of several seeds, the figures are of all of them."""

from interleave import figure

TITLE = "`fastest` against `unoptimized`, 5 epochs"


def train(bench, widths):
    for width in widths:
        bench.compare(["unoptimized", "fastest"], width, seed=0)


def measure(bench):
    figures, facts = [], []
    for width in (16, 64):
        pairs = []
        for comparison in bench.runs(width):
            named = {run["name"]: run for run in comparison["runs"]}
            if {"unoptimized", "fastest"} <= named.keys():
                pairs.append((named["unoptimized"], named["fastest"]))
                facts.append(comparison["environment"])
        if not pairs:
            continue
        at_width = f"width {width}"
        target = 10 if facts[-1]["native_bfloat16"] else 7
        figures.append(figure(f"training time, {at_width}", [fast["speedup"] for _, fast in pairs],
                              "times", at_least=target))
        figures.append(figure(f"time to the baseline's final accuracy, {at_width}",
                              [fast["time_to_baseline_accuracy"] or 0 for _, fast in pairs],
                              "times", at_least=10))
        for which, name in enumerate(("unoptimized", "fastest")):
            figures.append(figure(f"accuracy of `{name}`, {at_width}",
                                  [pair[which]["test_accuracy"] for pair in pairs], "%"))
            figures.append(figure(f"seconds of training of `{name}`, {at_width}",
                                  [pair[which]["train_seconds"] for pair in pairs], "s"))
    return {"figures": figures, "runs": facts} if figures else None
