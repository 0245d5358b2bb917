"""A training loop as one writes it in PyTorch with care: no waiting for the device in a step, losses
read once, gradients set to none."""

import contextlib

import torch


class Training:
    def __init__(self, recipe, channels_last):
        self.recipe = recipe
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.model = recipe.model().to(memory_format=self.layout).train()
        self.optimizer = recipe.optimizer(self.model)
        self.criterion = recipe.loss()

    def forward_scope(self):
        if self.recipe.autocast_type is None:
            return contextlib.nullcontext()
        return torch.autocast(self.recipe.device.type, self.recipe.autocast_type)

    def epoch(self, batches):
        """Trains on what `batches`, which has a length, gives. Returns the number of images."""
        device, accumulation = self.recipe.device, self.recipe.accumulation
        windows = -(-len(batches) // accumulation)
        schedule = self.recipe.schedule(self.optimizer, windows)
        losses = torch.zeros((), device=device)
        images = 0
        for number, (inputs, targets) in enumerate(batches, start=1):
            inputs = inputs.to(device, non_blocking=True, memory_format=self.layout)
            targets = targets.to(device, non_blocking=True)
            with self.forward_scope():
                outputs = self.model(inputs)
            loss = self.criterion(outputs.float(), targets)
            (loss / accumulation).backward()
            losses += loss.detach()
            images += len(targets)
            if number % accumulation == 0 or number == len(batches):
                self.optimizer.step()
                self.optimizer.zero_grad(set_to_none=True)
                if schedule:
                    schedule.step()
        losses.item()  # waits for the device
        return images
