"""Muon's products for ResNet10's weights: gradus's, in the type and form that it takes on this device, against
five steps over each weight in bfloat16 (torch.optim.Muon's), interleaved (benchmarks/muon.cpp)."""

from interleave import figure, say

TITLE = "Muon's usual products over gradus's, time"


def measure(bench):
    figures, peers = [], []
    for width in (16, 64):
        peer = bench.gradus(f"width {width}", "muon", width=width)
        for number in range(1 + min(bench.rounds, 3)):
            peer.round()
            say(f"  width {width}: round {number + 1}")
        peer.close()
        peers.append(peer.to_json())
        figures.append(figure(f"width {width}, {peer.rounds[0]['type']}",
                              [turn["loop"] / turn["gradus"] for turn in peer.rounds[1:]], "times"))
    return {"figures": figures, "peers": peers}
