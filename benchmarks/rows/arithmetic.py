"""A training step of `fastest` at 32 pixels, width 64, batches of 256: its arithmetic (1.517 GFLOP an
image) over the rate of at::mm of 2048 x 2048 matrices, same type and threads; PyTorch's beside it."""

from interleave import figure, take_turns

TITLE = "Arithmetic of a step of `fastest` over the rate of matrix products"
BATCHES = 4


def measure(bench):
    peers = [bench.gradus("gradus", "arithmetic", batches=BATCHES),
             bench.pytorch("PyTorch", "arithmetic", batches=BATCHES, recipe=bench.recipe("fastest", 64))]
    take_turns(peers, bench.rounds)
    figures = [figure(peer.name, peer.values("fraction"), "of 1",
                      at_least=0.53 if peer.name == "gradus" else None) for peer in peers]
    figures += [figure(f"{peer.name}, matrix products",
                       [rate / 1e9 for rate in peer.values("product_flop_per_second")], "GFLOP/s")
                for peer in peers]
    return {"figures": figures, "peers": [peer.to_json() for peer in peers]}
