"""Peak memory (VmHWM) of a process that trains `fastest` at full resolution, width 64, batches of 256,
against PyTorch's; a new process each round, workers not counted. With memory returned to the system, as
PyTorch has it, and with memory kept."""

from interleave import figure, over

TITLE = "Peak memory of a training over Python PyTorch's"
COMMON = {"images": 1024, "batch_size": 256}


def measure(bench):
    recipe = bench.recipe("fastest", 64)

    def gradus(name, keep_memory):
        return bench.gradus(name, "training", width=64, data=bench.data, keep_memory=keep_memory,
                            configuration="fastest at full resolution", **COMMON)

    makers = {"gradus": lambda: gradus("gradus", 0),
              "gradus, memory kept": lambda: gradus("gradus, memory kept", 1),
              "PyTorch": lambda: bench.pytorch("PyTorch", "train", recipe=recipe, data=bench.data,
                                               **COMMON)}
    peaks = {name: [] for name in makers}
    for number in range(bench.rounds):
        for name in makers if number % 2 == 0 else reversed(makers.keys()):
            peer = makers[name]()
            peaks[name].append(peer.round()["peak_mebibytes"])
            peer.close()
    return {"figures": [figure("memory returned", over(peaks["gradus"], peaks["PyTorch"]), "times", at_most=0.9),
                        figure("memory kept", over(peaks["gradus, memory kept"], peaks["PyTorch"]), "times",
                               at_most=0.9),
                        *(figure(f"{name}, MiB", values, "MiB") for name, values in peaks.items())]}
