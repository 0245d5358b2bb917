"""CIFAR-10's binary version as torchvision serves CIFAR-10: a PIL image a sample, then transforms."""

import pathlib

import numpy
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

RECORD = 3073  # a label, then three planes of 32 x 32


class Images(Dataset):
    """The first `count` training images. With `alternating` a random half is mirrored in even epochs
    and the other half in odd ones; `epoch` is shared with the workers."""

    def __init__(self, folder, count, transform, alternating=False):
        folder = pathlib.Path(folder)
        if (inner := folder / "cifar-10-batches-bin").is_dir():
            folder = inner
        records = numpy.concatenate([numpy.fromfile(folder / f"data_batch_{n}.bin", numpy.uint8)
                                     for n in range(1, 6)]).reshape(-1, RECORD)[:count]
        self.labels = records[:, 0].astype(int).tolist()
        self.pixels = numpy.ascontiguousarray(
            records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.transform = transform
        self.mirrored = numpy.random.default_rng(0).integers(0, 2, count) if alternating else None
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = Image.fromarray(self.pixels[index])
        if self.mirrored is not None and (self.mirrored[index] + self.epoch.item()) % 2:
            image = transforms.functional.hflip(image)
        return self.transform(image), self.labels[index]


def transform_of(padding, flip):
    steps = [transforms.RandomCrop(32, padding=padding)] if padding else []
    steps += [transforms.RandomHorizontalFlip()] if flip == "random" else []
    steps += [transforms.ToTensor(),
              transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))]
    return transforms.Compose(steps)


def loader_of(images, batch_size, workers):
    return DataLoader(images, batch_size=batch_size, shuffle=True, num_workers=workers,
                      persistent_workers=workers > 0, pin_memory=torch.cuda.is_available())
