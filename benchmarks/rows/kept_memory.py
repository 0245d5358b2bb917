"""Training with memory that stays with the process (`keep_memory`) against training without: `fastest`
at full resolution, width 64, batches of 256."""

from interleave import figure, over, take_turns

TITLE = "Kept memory over returned memory, images a second"


def measure(bench):
    pair = [bench.gradus(name, "training", configuration="fastest at full resolution", width=64,
                         batch_size=256, images=1024, data=bench.data, keep_memory=kept)
            for name, kept in (("returned", 0), ("kept", 1))]
    take_turns(pair, bench.rounds)
    return {"figures": [figure("ratio", over(pair[1].rates(), pair[0].rates()), "times")],
            "peers": [peer.to_json() for peer in pair]}
