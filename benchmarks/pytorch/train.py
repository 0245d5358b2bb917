"""How many images a second does PyTorch train by a recipe of gradus, and how much memory does it
take? A round is an epoch over the first images of CIFAR-10. With --best it has what a recipe may
lack: channels-last memory, cuDNN's own search, and the number of worker processes that is fastest here."""

import argparse

import torch

from images import Images, loader_of, transform_of
from recipe import Recipe
from rounds import facts, fastest, peak_mebibytes, seconds_of, serve
from training import Training


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True, help="what `gradus-cifar10 describe` printed")
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=0, help="0: the recipe's")
    parser.add_argument("--most-workers", type=int, default=0, help="tried with --best")
    parser.add_argument("--best", action="store_true")
    parser.add_argument("--compile", action="store_true", help="the model by torch.compile")
    arguments = parser.parse_args()

    said = facts(arguments.threads)
    torch.backends.cudnn.benchmark = arguments.best
    recipe = Recipe(arguments.recipe)
    training = Training(recipe, channels_last=arguments.best or recipe.has("layout", "ChannelsLast"))
    if arguments.compile:
        training.model = torch.compile(training.model)
    augmentation = recipe.policies["augmentation"]
    images = Images(arguments.data, arguments.images,
                    transform_of(augmentation.get("padding", 0), augmentation.get("flip")),
                    alternating=recipe.alternating)
    batch_size = arguments.batch_size or recipe.batch_size

    def epoch(loader):
        images.epoch += 1
        return seconds_of(lambda: training.epoch(loader))

    counts = [0, *(n for n in (1, 2, 4, 8) if n <= arguments.most_workers)] if arguments.best else [0]
    loaders = [loader_of(images, batch_size, count) for count in counts]
    loader = fastest(loaders, epoch)
    del loaders
    serve(said | {"workers": loader.num_workers, "batch_size": batch_size, "left_out": recipe.left_out(),
                  "samples_per_step": batch_size * recipe.accumulation},
          lambda: {"images": len(images), "seconds": epoch(loader),
                   "peak_mebibytes": peak_mebibytes()})


if __name__ == "__main__":
    main()
