"""Where a row finds what it measures: programs, data, recipes, Python PyTorch, earlier runs."""

import datetime
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from environment import ROOT
from interleave import Peer, say

sys.path.append(str(ROOT / "benchmarks" / "pytorch"))
from set_up import cache_folder, set_up  # noqa: E402

PYTORCH = ROOT / "benchmarks" / "pytorch"


class Bench:
    def __init__(self, build, results, rounds, threads, data=None):
        self.build, self.results = build, results
        self.rounds, self.threads = rounds, threads
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="gradus-benchmark-"))
        self._data = data

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def program(self, name):
        return self.build / "bin" / name

    @functools.cached_property
    def data(self):
        """The folder of the full CIFAR-10, fetched by gradus-cifar10 if it is nowhere."""
        asked = self._data or os.environ.get("GRADUS_CIFAR10")
        if asked:
            return pathlib.Path(asked)
        folder = cache_folder() / "cifar-10-batches-bin"
        if not folder.is_dir():
            self.cifar10("train", "unoptimized", "--width", 1, "--stop-after-steps", 1)
        if not folder.is_dir():
            sys.exit("the full CIFAR-10 is not here; name its folder with --data.")
        return folder

    @functools.cached_property
    def python(self):
        return set_up()

    @functools.cached_property
    def on_cuda(self):
        said = subprocess.run([self.program("gradus-cifar10"), "describe", "unoptimized"], check=True,
                              capture_output=True, text=True).stdout
        return json.loads(said)["run"]["device"].startswith("cuda")

    def recipe(self, configuration, width):
        """A file with what `describe` prints."""
        path = self.scratch / f"{configuration}-{width}.json"
        with path.open("w", encoding="utf-8") as file:
            subprocess.run([self.program("gradus-cifar10"), "describe", configuration,
                            "--width", str(width)], check=True, stdout=file)
        return path

    def gradus(self, name, program, **flags):
        if program == "training":
            flags.setdefault("keep_memory", 1)
        return Peer(name, [self.program(f"benchmark_{program}"), *_words(flags),
                           "--threads", self.threads])

    def pytorch(self, name, script, *switches, **flags):
        return Peer(name, [self.python, PYTORCH / f"{script}.py", *_words(flags),
                           "--threads", self.threads, *switches])

    def cifar10(self, command, *words):
        """Runs gradus-cifar10 and returns its folder of results."""
        out = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        data = ["--data", self.data] if command in ("compare", "ablate") else []
        subprocess.run([str(word) for word in (
            self.program("gradus-cifar10"), command, *words, *data, "--threads", self.threads,
            "--out", out)], check=True, stdout=sys.stderr)
        return out

    def compare(self, configurations, width, seed):
        """Trains for 5 epochs and keeps comparison.json among the runs."""
        say(f"  training {', '.join(configurations)} at width {width}, seed {seed}")
        out = self.cifar10("compare", *configurations, "--epochs", 5, "--width", width, "--seed", seed)
        self.take(out / "comparison.json")

    def take(self, path):
        """Keeps a comparison.json among the runs, without the paths of this machine. A later one of
        the same configurations, width and seed takes the place of an earlier."""
        comparison = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        comparison["environment"] = self.clean(comparison["environment"])
        comparison["kept"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        runs = comparison["runs"]
        names = "-".join(run["name"] for run in runs)
        kept = self.results / "runs" / f"width{runs[0]['width']}-seed{runs[0]['seed']}-{names}.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(comparison, indent=1) + "\n", encoding="utf-8")
        say(f"  kept {kept}")

    @staticmethod
    def clean(facts):
        """A run's environment without the paths of this machine."""
        kept = {key: value for key, value in facts.items() if key != "data"}
        return kept | {"command": _without_paths(facts["command"])}

    def runs(self, width, *names):
        """Environment and runs by name of each comparison of 5 epochs over all images at `width` that
        has these configurations: those of the commit that was kept last, for others are of another
        program."""
        found = []
        for path in (self.results / "runs").glob(f"width{width}-*.json"):
            comparison = json.loads(path.read_text(encoding="utf-8"))
            runs = {run["name"]: run for run in comparison["runs"]
                    if len(run["epochs"]) == 5 and run["train_samples"] == 50_000}
            if runs.keys() >= set(names):
                found.append((comparison["kept"], comparison["environment"], runs))
        found.sort(key=lambda comparison: comparison[0])
        return [(facts, runs) for _, facts, runs in found if facts["commit"] == found[-1][1]["commit"]]


def _words(flags):
    return [word for key, value in flags.items() for word in ("--" + key.replace("_", "-"), value)]


def _without_paths(command):
    program, *words = command.split()
    kept, skipped = [pathlib.Path(program).name], False
    for word in words:
        if not skipped and word not in ("--data", "--out"):
            kept.append(word)
        skipped = word in ("--data", "--out")
    return " ".join(kept)
