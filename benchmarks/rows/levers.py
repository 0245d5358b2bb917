"""What each policy of `fastest` gives: the configuration with one policy less, for each, at width 16, 5
epochs of the full CIFAR-10, by `gradus-cifar10 ablate`. Times are of runs one after the other."""

import json

TITLE = "What each lever gives"


def kept(bench):
    return bench.results / "runs" / "ablation-fastest-width16.json"


def train(bench, widths):
    if 16 not in widths:
        return
    out = bench.cifar10("ablate", "fastest", "--width", 16, "--epochs", 5)
    ablation = json.loads((out / "ablation.json").read_text(encoding="utf-8"))
    ablation["environment"] = bench.clean(ablation["environment"])
    kept(bench).parent.mkdir(parents=True, exist_ok=True)
    kept(bench).write_text(json.dumps(ablation, indent=1) + "\n", encoding="utf-8")


def measure(bench):
    if not kept(bench).is_file():
        return None
    ablation = json.loads(kept(bench).read_text(encoding="utf-8"))
    return {"figures": [], "runs": [ablation["environment"]], "ablation": ablation}
