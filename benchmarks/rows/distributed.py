"""Two processes of one thread each against one process of two threads, against two of Python's
DistributedDataParallel over Gloo, and with all gradients in one bucket, which is summed when the backward pass is
over: what is gained by summing them meanwhile. `optimized` in batches of 256, at width 16, where the sums weigh
most, and at width 64."""

import os
import socket
import subprocess

from bench import PYTORCH
from interleave import Peer, figure, over, rate_figures, take_turns

TITLE = "two processes, over Gloo on loopback"
IMAGES = {16: 4096, 64: 1024}
BATCH = 256


class Processes(Peer):
    """Two processes, of which the first is asked."""

    def __init__(self, name, command):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        common = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                  "OMP_NUM_THREADS": "1"}
        words = [str(word) for word in command]
        self._other = subprocess.Popen(words, env={**common, "RANK": "1", "LOCAL_RANK": "1"},
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        super().__init__(name, ["env", *(f"{key}={value}" for key, value in common.items()), "RANK=0", "LOCAL_RANK=0",
                                *words])

    def close(self):
        super().close()
        self._other.wait()


def measure(bench):
    figures, kept = [], []
    for width, images in IMAGES.items():
        def gradus(threads, kilobytes, fast=0):
            return [bench.program("benchmark_distributed"), "--threads", threads, "--width", width, "--images", images,
                    "--batch-size", BATCH, "--bucket-kilobytes", kilobytes, "--fast-convolutions", fast, "--data",
                    bench.data]

        default, everything = 4 << 10, 1 << 20
        python = [bench.python, PYTORCH / "distributed.py", "--recipe", bench.recipe("optimized", width), "--data",
                  bench.data, "--images", images, "--threads", 1, "--batch-size", BATCH]
        one = Peer("one process of two threads", gradus(2, default))
        two = Processes("two processes", gradus(1, default))
        fast = Processes("two processes, FastConvolutions", gradus(1, default, fast=1))
        late = Processes("two processes, sums at the end", gradus(1, everything))
        theirs = Processes("two of Python's DDP", python)
        peers = [one, two, fast, late, theirs]
        take_turns(peers, bench.rounds)
        for ours, other, target in ((two, one, 0.95), (two, theirs, 1.2), (fast, theirs, 1.2), (two, late, None)):
            figures.append(figure(f"{ours.name} over {other.name}, width {width}, images/s",
                                  over(ours.rates(), other.rates()), "times", at_least=target))
        for row in rate_figures(peers):
            figures.append({**row, "what": f"{row['what']}, width {width}"})
        kept += [peer.to_json() for peer in peers]
    return {"figures": figures, "peers": kept}
