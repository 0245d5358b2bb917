"""Other tasks than images, against the same in Python PyTorch: tokens a second of a small GPT, rows a second of a
perceptron, interleaved. Prints the ratios that docs/tasks.md shows.

    tasks.py --build build/benchmark"""

import argparse
import pathlib
import statistics

from bench import Bench
from environment import ROOT
from interleave import over, say, take_turns, threads_here


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "benchmark")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=threads_here())
    arguments = parser.parse_args()

    bench = Bench(arguments.build.absolute(), None, arguments.rounds, arguments.threads)
    try:
        for task, samples, unit in (("gpt", 640, "tokens"), ("gpt_mixed", 640, "tokens"), ("mlp", 50_000, "rows")):
            common = {"task": task, "samples": samples}
            peers = [bench.gradus("gradus", "tasks", **common),
                     bench.pytorch("PyTorch", "tasks", **common)]
            for peer in peers:
                peer.round()  # warms up
                peer.rounds.clear()
            take_turns(peers, bench.rounds, unit)
            ratios = over(*(peer.rates(unit) for peer in peers))
            for peer in peers:
                say(f"{task}, {peer.name}: {statistics.median(peer.rates(unit)):,.0f} {unit}/s")
            say(f"{task}, over PyTorch: {statistics.median(ratios):.2f}x "
                f"({min(ratios):.2f} to {max(ratios):.2f})")
    finally:
        bench.close()


if __name__ == "__main__":
    main()
