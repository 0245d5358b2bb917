"""`fastest` against `unoptimized`: images a second, interleaved. An epoch of `fastest` over a part of the
images goes through all its image sizes, as a full run does, so the ratio is that of the training times."""

from interleave import figure, over, rate_figures, take_turns

TITLE = "`fastest` over `unoptimized`, images a second"
IMAGES = {16: (2_000, 25_600), 64: (400, 10_240)}  # of a round of unoptimized, of fastest


def measure(bench):
    figures, peers = [], []
    for width, (few, many) in IMAGES.items():
        pair = [bench.gradus(f"{name}, width {width}", "training", configuration=name, width=width,
                             batch_size=0, images=images, data=bench.data)
                for name, images in (("unoptimized", few), ("fastest", many))]
        take_turns(pair, bench.rounds)
        native = pair[0].facts["native_bfloat16"]
        figures.append(figure(f"width {width}", over(pair[1].rates(), pair[0].rates()), "times",
                              at_least=10 if native else 7))
        figures += rate_figures(pair)
        peers += pair
    return {"figures": figures, "peers": [peer.to_json() for peer in peers]}
