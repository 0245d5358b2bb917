"""gradus's ways of computing convolutions against LibTorch's, interleaved: the shapes of ResNet10 at widths 64 and
16, batches of 128 and 256, float32, and bfloat16 where the processor has it; errors against float64."""

import math
import statistics

from interleave import figure, say

TITLE = "LibTorch's convolutions over gradus's own, time"
TARGETS = {("float32", 64): 2.2, ("float32", 16): 1.2}
STAGES = "stride 1"


def measure(bench):
    figures, peers = [], []
    for type_name in ("float32", "bfloat16"):
        for width, images in ((64, 128), (64, 256), (16, 128)):
            name = f"{type_name}, width {width}, batches of {images}"
            peer = bench.gradus(name, "convolutions", type=type_name, width=width, images=images)
            for number in range(bench.rounds):
                peer.round()
                say(f"  {name}: round {number + 1} of {bench.rounds}")
            peer.close()
            peers.append(peer)
            figures += of_rounds(name, peer, TARGETS.get((type_name, width)))
        if not peers[-1].facts["native_bfloat16"]:
            break
    return {"figures": figures, "peers": [peer.to_json() for peer in peers]}


def of_rounds(name, peer, target):
    cases = [key for key, value in peer.rounds[0].items() if isinstance(value, dict)]
    stages = [case for case in cases if "3 x 3" in case and STAGES in case]

    def seconds(turn, whose, of):
        return sum(turn[case][whose] for case in of)

    together = [seconds(turn, "libtorch", stages) / seconds(turn, "gradus", stages) for turn in peer.rounds]
    yield figure(f"{name}: 3 x 3, stride 1, four stages, all parts", together, "times", at_least=target)
    everything = [seconds(turn, "libtorch", cases) / seconds(turn, "gradus", cases) for turn in peer.rounds]
    yield figure(f"{name}: all convolutions of a step", everything, "times")
    weights = [case for case in stages if case.startswith("weight_gradient")]
    means = [math.exp(statistics.fmean(math.log(turn[case]["libtorch"] / turn[case]["gradus"]) for case in weights))
             for turn in peer.rounds]
    yield figure(f"{name}: weight gradients of the stages, geometric mean", means, "times",
                 at_least=3.0 if name.startswith("bfloat16") else 1.8)
    for case in cases:
        ratios = [turn[case]["libtorch"] / turn[case]["gradus"] for turn in peer.rounds]
        way = peer.facts["errors"][case]["way"]
        yield figure(f"{name}: {case} ({way})", ratios, "times")
    worst, theirs = (max(error[whose] for error in peer.facts["errors"].values()) for whose in ("gradus", "libtorch"))
    yield figure(f"{name}: largest relative error", [worst], "error",
                 at_most=1e-5 if name.startswith("float32") else theirs)
    yield figure(f"{name}: largest relative error of LibTorch's", [theirs], "error")
