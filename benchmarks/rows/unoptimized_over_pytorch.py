"""`unoptimized` against the same loop in Python PyTorch: batches of 4, float32, SGD, a DataLoader
without workers, ToTensor and Normalize a sample. Width 16."""

from interleave import figure, over, rate_figures, take_turns

TITLE = "`unoptimized` over Python PyTorch, width 16"
IMAGES = 2000


def measure(bench):
    peers = [bench.gradus("gradus", "training", configuration="unoptimized", width=16, batch_size=0,
                          images=IMAGES, data=bench.data),
             bench.pytorch("PyTorch", "train", recipe=bench.recipe("unoptimized", 16), images=IMAGES,
                           data=bench.data)]
    take_turns(peers, bench.rounds)
    ratios = over(peers[0].rates(), peers[1].rates())
    return {"figures": [figure("images/s, ratio", ratios, "times", at_least=1.3), *rate_figures(peers)],
            "peers": [peer.to_json() for peer in peers]}
