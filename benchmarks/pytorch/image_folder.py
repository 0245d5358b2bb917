"""How many images a second do torchvision's ImageFolder, ToTensor, Normalize and a DataLoader decode from
a folder of PNG files, normalise and stack, in batches of 256? The folder is that of image_folder.cpp."""

import argparse
import sys

from rounds import facts, seconds_of, serve
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    arguments = parser.parse_args()

    said = facts(arguments.threads)
    images = datasets.ImageFolder(arguments.folder, transforms.Compose([
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]))
    if len(images) != arguments.images:
        sys.exit(f"{arguments.folder} has {len(images)} images")
    loader = DataLoader(images, batch_size=256, shuffle=True, num_workers=arguments.workers,
                        persistent_workers=arguments.workers > 0)

    def one_round():
        read = 0

        def read_all():
            nonlocal read
            for batch, _ in loader:
                read += len(batch)

        seconds = seconds_of(read_all)
        return {"images": read, "seconds": seconds}

    serve(said | {"workers": arguments.workers}, one_round)


if __name__ == "__main__":
    main()
