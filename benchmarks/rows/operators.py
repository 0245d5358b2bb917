"""gradus's own operators against LibTorch's, forward and backward, bfloat16, channels side by side: batch
norm with sum and ReLU as one, convolutions over small maps as matrix products."""

from interleave import figure, say

TITLE = "LibTorch's operators over gradus's own, time"


def measure(bench):
    peer = bench.gradus("operators", "operators")
    for number in range(bench.rounds):
        peer.round()
        say(f"  round {number + 1} of {bench.rounds}")
    peer.close()
    whats = [key for key, value in peer.rounds[0].items() if isinstance(value, dict)]
    return {"figures": [figure(what, [turn["libtorch"] / turn["gradus"] for turn in peer.values(what)],
                               "times") for what in whats],
            "peers": [peer.to_json()]}
