"""A folder of 10,000 PNG files of 32 x 32 pixels, decoded, normalised and stacked in batches of 256: gradus's
ImageFolder and torchvision's with a DataLoader, two workers each, interleaved. Prints images a second; it
is no row of docs/performance.md yet.

    image_folder.py --build build/benchmark"""

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
        common = {"folder": bench.scratch / "images", "images": 10_000, "workers": 2}
        # gradus first: it writes the folder.
        peers = [bench.gradus("gradus", "image_folder", **common),
                 bench.pytorch("torchvision", "image_folder", **common)]
        for peer in peers:
            peer.round()  # warms up
            peer.rounds.clear()
        take_turns(peers, bench.rounds)
        ratios = over(*(peer.rates() for peer in peers))
        for peer in peers:
            say(f"{peer.name}: {statistics.median(peer.rates()):,.0f} images/s")
        say(f"over torchvision: {statistics.median(ratios):.2f}x "
            f"({min(ratios):.2f} to {max(ratios):.2f})")
    finally:
        bench.close()


if __name__ == "__main__":
    main()
