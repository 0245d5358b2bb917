"""Peak memory (VmHWM) of a process that trains `fastest` at full resolution, width 64, batches of 256,
against PyTorch's; a new process each round, workers not counted."""

from interleave import figure, over

TITLE = "Peak memory of a training over Python PyTorch's"
COMMON = {"images": 1024, "batch_size": 256}


def measure(bench):
    recipe = bench.recipe("fastest", 64)
    makers = {"gradus": lambda: bench.gradus("gradus", "training", width=64, data=bench.data,
                                             configuration="fastest at full resolution", **COMMON),
              "PyTorch": lambda: bench.pytorch("PyTorch", "train", recipe=recipe, data=bench.data,
                                               **COMMON)}
    peaks = {name: [] for name in makers}
    for number in range(bench.rounds):
        for name in makers if number % 2 == 0 else reversed(makers):
            peer = makers[name]()
            peaks[name].append(peer.round()["peak_mebibytes"])
            peer.close()
    return {"figures": [figure("ratio", over(peaks["gradus"], peaks["PyTorch"]), "times", at_most=0.9),
                        *(figure(f"{name}, MiB", values, "MiB") for name, values in peaks.items())]}
