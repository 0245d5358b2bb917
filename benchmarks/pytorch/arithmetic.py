"""benchmarks/arithmetic.cpp in PyTorch: a training step's arithmetic over the rate of matrix products."""

import argparse

import torch

from recipe import Recipe
from rounds import facts, seconds_of, serve
from training import Training

BATCH_SIZE = 256
SIDE = 2048
PRODUCTS = 16
STEP_FLOP_PER_IMAGE = 1.517e9  # width 64, 32 x 32 pixels


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--batches", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()

    said = facts(arguments.threads)
    recipe = Recipe(arguments.recipe)
    number_type = recipe.autocast_type or torch.float32
    left, right = (torch.randn(SIDE, SIDE).to(recipe.device, number_type) for _ in range(2))
    training = Training(recipe, channels_last=True)
    batch = torch.randn(BATCH_SIZE, 3, 32, 32), torch.randint(10, (BATCH_SIZE,))
    batches = [batch] * arguments.batches

    def multiply():
        for _ in range(PRODUCTS):
            result = left @ right
        result[0, 0].item()  # waits for the device

    def one_round():
        product_rate = PRODUCTS * 2 * SIDE**3 / seconds_of(multiply)
        seconds = seconds_of(lambda: training.epoch(batches))
        images = BATCH_SIZE * arguments.batches
        return {"images": images, "seconds": seconds, "product_flop_per_second": product_rate,
                "fraction": images * STEP_FLOP_PER_IMAGE / seconds / product_rate}

    one_round()  # warms up
    serve(said | {"type": str(number_type), "left_out": recipe.left_out()}, one_round)


if __name__ == "__main__":
    main()
