"""`optimized` against the same recipe in Python PyTorch at its best settings: channels-last, autocast,
fused AdamW, OneCycleLR, and as many DataLoader workers as are fastest here. Width 64."""

from interleave import figure, over, rate_figures, take_turns, threads_here

TITLE = "`optimized` over Python PyTorch at its best, width 64"
IMAGES = 1024


def measure(bench):
    peers = [bench.gradus("gradus", "training", configuration="optimized", width=64, batch_size=0,
                          images=IMAGES, data=bench.data),
             bench.pytorch("PyTorch", "train", "--best", recipe=bench.recipe("optimized", 64),
                           images=IMAGES, data=bench.data, most_workers=threads_here())]
    take_turns(peers, bench.rounds)
    ratios = over(peers[0].rates(), peers[1].rates())
    return {"figures": [figure("images/s, ratio", ratios, "times", at_least=1.2), *rate_figures(peers)],
            "peers": [peer.to_json() for peer in peers]}
