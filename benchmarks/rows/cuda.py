"""On a CUDA device, at width 64: `unoptimized` and `optimized` against the same recipe in Python PyTorch
(`optimized` against its best settings: channels-last, cudnn.benchmark, fused AdamW, as many DataLoader
workers as are fastest), interleaved. Not measured where there is no such device."""

from interleave import figure, over, rate_figures, take_turns, threads_here

TITLE = "On CUDA over Python PyTorch, width 64"
IMAGES = {"unoptimized": 4_000, "optimized": 50_000}
SWITCHES = {"unoptimized": [], "optimized": ["--best"]}


def measure(bench):
    if not bench.on_cuda:
        return None
    figures, peers = [], []
    for name, images in IMAGES.items():
        pair = [bench.gradus(f"gradus, {name}", "training", configuration=name, width=64, batch_size=0,
                             images=images, data=bench.data),
                bench.pytorch(f"PyTorch, {name}", "train", *SWITCHES[name], recipe=bench.recipe(name, 64),
                              images=images, data=bench.data, most_workers=min(8, threads_here()))]
        take_turns(pair, bench.rounds)
        figures.append(figure(f"`{name}`", over(pair[0].rates(), pair[1].rates()), "times", at_least=1))
        figures += rate_figures(pair)
        peers += pair
    return {"figures": figures, "peers": [peer.to_json() for peer in peers]}
