"""How many images a second do torchvision's transforms and a DataLoader read, crop, flip, normalise
and stack? Full CIFAR-10 in memory, batches of 256, and the number of worker processes that is fastest
here."""

import argparse

from images import Images, loader_of, transform_of
from rounds import facts, fastest, seconds_of, serve


def read_all(loader):
    for _ in loader:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--most-workers", type=int, required=True)
    arguments = parser.parse_args()

    said = facts(arguments.threads)
    images = Images(arguments.data, arguments.images, transform_of(padding=4, flip="random"))
    loaders = [loader_of(images, 256, workers) for workers in range(arguments.most_workers + 1)]
    loader = fastest(loaders, lambda loader: seconds_of(lambda: read_all(loader)))
    del loaders  # and the workers of those that were slower
    serve(said | {"workers": loader.num_workers},
          lambda: {"images": len(images), "seconds": seconds_of(lambda: read_all(loader))})


if __name__ == "__main__":
    main()
