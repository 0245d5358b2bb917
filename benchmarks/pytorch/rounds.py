"""What the peers share: benchmarks/rounds.hpp in Python."""

import json
import platform
import sys
import time

import torch
import torchvision


def facts(threads):
    torch.set_num_threads(threads)
    return {"torch": torch.__version__, "torchvision": torchvision.__version__,
            "python": platform.python_version(),
            "device": "cuda:0" if torch.cuda.is_available() else "cpu",
            "threads": torch.get_num_threads()}


def peak_mebibytes():
    """The most memory that this process, without its workers, has had so far."""
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def seconds_of(body):
    begin = time.perf_counter()
    body()
    return time.perf_counter() - begin


def fastest(candidates, seconds):
    """The candidate with the fewest seconds in its second round; the first warms up."""
    def second(candidate):
        seconds(candidate)
        return seconds(candidate)
    return min(candidates, key=second)


def serve(said, one_round):
    print(json.dumps(said), flush=True)
    for _ in sys.stdin:
        print(json.dumps(one_round()), flush=True)
