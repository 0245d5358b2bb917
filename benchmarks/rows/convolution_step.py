"""A training step of `fastest` at full resolution with FastConvolutions against the same by LibTorch's
convolutions, images a second, interleaved: batches of 256, in the type that Mixed chooses here."""

from interleave import figure, over, rate_figures, take_turns

TITLE = "FastConvolutions over LibTorch's convolutions, images a second"


def measure(bench):
    figures, peers = [], []
    for width, images, target in ((64, 1024, 1.5), (16, 4096, None)):
        pair = [bench.gradus(f"{name}, width {width}", "training", configuration=configuration, width=width,
                             batch_size=256, images=images, data=bench.data)
                for name, configuration in (("LibTorch's", "fastest at full resolution, LibTorch's kernels"),
                                            ("FastConvolutions", "fastest at full resolution"))]
        take_turns(pair, bench.rounds)
        figures += [figure(f"width {width}", over(pair[1].rates(), pair[0].rates()), "times", at_least=target),
                    *rate_figures(pair)]
        peers += pair
    return {"figures": figures, "peers": [peer.to_json() for peer in peers]}
