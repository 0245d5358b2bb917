"""How many images a second do several processes of Python PyTorch train together, by
DistributedDataParallel over Gloo? benchmarks/distributed.cpp in Python: each has half of each batch
of the run, gradients are views of the buckets, and are summed in the last pass of a window alone."""

import argparse
import contextlib
import os
import sys

import torch
import torch.distributed as dist

from images import Images, transform_of
from recipe import Recipe
from rounds import facts, seconds_of, serve
from training import Training


class Shares:
    """This process's part of each batch, shuffled again each epoch: tensors in memory, half of them mirrored."""

    def __init__(self, images, batch_size):
        self.inputs = torch.stack([images[i][0] for i in range(len(images))])
        self.targets = torch.tensor(images.labels)
        self.part, self.epoch = batch_size // dist.get_world_size(), 0

    def __len__(self):
        return len(self.targets) // (self.part * dist.get_world_size())

    def __iter__(self):
        order = torch.randperm(len(self.targets), generator=torch.Generator().manual_seed(self.epoch))
        self.epoch += 1
        for number in range(len(self)):
            first = (number * dist.get_world_size() + dist.get_rank()) * self.part
            chosen = order[first : first + self.part]
            inputs = self.inputs[chosen]
            mirrored = (chosen + self.epoch) % 2 == 0
            inputs[mirrored] = inputs[mirrored].flip(3)
            yield inputs, self.targets[chosen]


def epoch(training, model, loader):
    """As Training.epoch, without sums in passes that end no window."""
    recipe = training.recipe
    windows = -(-len(loader) // recipe.accumulation)
    schedule = recipe.schedule(training.optimizer, windows)
    losses = torch.zeros(())
    for number, (inputs, targets) in enumerate(loader, start=1):
        inputs = inputs.to(memory_format=training.layout)
        last = number % recipe.accumulation == 0 or number == len(loader)
        with contextlib.nullcontext() if last else model.no_sync():
            with training.forward_scope():
                outputs = model(inputs)
            loss = training.criterion(outputs.float(), targets)
            (loss / recipe.accumulation).backward()
        losses += loss.detach()
        if last:
            training.optimizer.step()
            training.optimizer.zero_grad(set_to_none=True)
            if schedule:
                schedule.step()
    losses.item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True, help="what `gradus-cifar10 describe` printed")
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    arguments = parser.parse_args()

    said = facts(arguments.threads)
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    recipe = Recipe(arguments.recipe)
    training = Training(recipe, channels_last=True)
    model = torch.nn.parallel.DistributedDataParallel(training.model, gradient_as_bucket_view=True)
    loader = Shares(Images(arguments.data, arguments.images, transform_of(0, None)), arguments.batch_size)

    def one_round():
        return {"images": arguments.images, "seconds": seconds_of(lambda: epoch(training, model, loader))}

    def another(said):
        word = torch.tensor([int(said)])
        dist.broadcast(word, 0)
        return bool(word)

    one_round()  # warms up
    if os.environ["RANK"] == "0":
        serve(said | {"processes": dist.get_world_size()}, lambda: another(True) and one_round())
        another(False)
    else:
        while another(False):
            one_round()
    dist.destroy_process_group()


if __name__ == "__main__":
    sys.exit(main())
