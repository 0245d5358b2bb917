"""`fastest` over `unoptimized`: 5 epochs of the full CIFAR-10, one after the other in one run. With
runs of several seeds, the figures are of all of them."""

from interleave import figure

TITLE = "`fastest` against `unoptimized`, 5 epochs"


def train(bench, widths):
    for width in widths:
        bench.compare(["unoptimized", "fastest"], width, seed=0)


def measure(bench):
    figures, made_by = [], []
    for width in (16, 64):
        found = bench.runs(width, "unoptimized", "fastest")
        if not found:
            continue
        made_by += [facts for facts, _ in found]
        at_width = f"width {width}"
        fastest = [runs["fastest"] for _, runs in found]
        figures.append(figure(f"training time, {at_width}", [run["speedup"] for run in fastest], "times",
                              at_least=10 if made_by[-1]["native_bfloat16"] else 7))
        figures.append(figure(f"time to the baseline's final accuracy, {at_width}",
                              [run["time_to_baseline_accuracy"] or 0 for run in fastest], "times",
                              at_least=10))
        for name in ("unoptimized", "fastest"):
            figures.append(figure(f"accuracy of `{name}`, {at_width}",
                                  [runs[name]["test_accuracy"] for _, runs in found], "%"))
            figures.append(figure(f"seconds of training of `{name}`, {at_width}",
                                  [runs[name]["train_seconds"] for _, runs in found], "s"))
    return {"figures": figures, "runs": made_by} if figures else None
