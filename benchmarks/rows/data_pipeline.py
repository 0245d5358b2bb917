"""The data pipeline alone: read, crop (padding 4), flip, normalise, batches of 256, full CIFAR-10 in
memory. Each peer has as many workers as are fastest for it, up to 2."""

from interleave import figure, over, rate_figures, take_turns

TITLE = "Data pipeline alone"


def measure(bench):
    common = {"data": bench.data, "most_workers": 2}
    gradus = bench.gradus("gradus", "loading", epochs=10, **common)
    libtorch = bench.gradus("LibTorch", "torch_loading", epochs=1, **common)
    torchvision = bench.pytorch("torchvision", "load", images=50_000, **common)
    peers = [gradus, libtorch, torchvision]
    take_turns(peers, bench.rounds)
    return {"figures": [figure("over torchvision and DataLoader", over(gradus.rates(), torchvision.rates()),
                               "times", at_least=20),
                        figure("over LibTorch's C++ DataLoader", over(gradus.rates(), libtorch.rates()),
                               "times", at_least=5),
                        *rate_figures(peers)],
            "peers": [peer.to_json() for peer in peers]}
