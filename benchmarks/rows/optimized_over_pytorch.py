"""`optimized`, and `optimized` with FastConvolutions, against the same recipe in Python PyTorch at its best settings:
channels-last, autocast, fused AdamW, OneCycleLR, and as many DataLoader workers as are fastest here; eager and by
torch.compile. Width 64."""

from interleave import figure, over, rate_figures, take_turns, threads_here

TITLE = "`optimized` over Python PyTorch at its best, width 64"
IMAGES = 1024
COMMON = {"width": 64, "batch_size": 0, "images": IMAGES}


def measure(bench):
    def pytorch(name, *switches):
        return bench.pytorch(name, "train", "--best", *switches, recipe=bench.recipe("optimized", 64),
                             images=IMAGES, data=bench.data, most_workers=threads_here())

    plain = bench.gradus("gradus", "training", configuration="optimized", data=bench.data, **COMMON)
    fast = bench.gradus("gradus, FastConvolutions", "training", configuration="optimized with fast convolutions",
                        data=bench.data, **COMMON)
    eager, compiled = pytorch("PyTorch, eager"), pytorch("PyTorch, compiled", "--compile")
    peers = [plain, fast, eager, compiled]
    for peer in (fast, compiled):  # the first round measures ways, and compiles
        peer.round()
        peer.rounds.clear()
    take_turns(peers, bench.rounds)
    figures = []
    for ours, theirs, target in ((plain, eager, 1.2), (plain, compiled, None), (fast, eager, 2.0),
                                 (fast, compiled, 1.7)):
        figures.append(figure(f"{ours.name} over {theirs.name}, images/s", over(ours.rates(), theirs.rates()), "times",
                              at_least=target))
    return {"figures": [*figures, *rate_figures(peers)], "peers": [peer.to_json() for peer in peers]}
