#!/usr/bin/env bash
# Gradient accumulation over 4 batches in an epoch of 6, by Accelerate and by Lightning; each batch has
# the gradient 1.
# One would expect: the last window, of two batches, is averaged over the two that it has: gradients 1 and
#   1.
# What happens: both step at the end of the epoch, and both divide by 4 all the same: the last step has
#   half the gradient, and under a plain SGD moves half as far.
# gradus divides by what counts in the actual window.
#
# Seen with torch==2.15.0, accelerate==1.15.0, lightning==2.6.6 (2026-11-27):
#   accelerate: gradients [1.0, 0.5]
#   lightning: gradients [1.0, 0.5]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6 accelerate==1.15.0 lightning==2.6.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import logging, sys

import lightning
import torch
from accelerate import Accelerator


def one_weight():
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    return layer


def batches():
    return torch.utils.data.DataLoader(torch.ones(6, 1), batch_size=1)


def with_accelerate():
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=4)
    model = one_weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model, optimizer, loader = accelerator.prepare(model, optimizer, batches())
    gradients = []
    for batch in loader:
        with accelerator.accumulate(model):
            accelerator.backward(model(batch).mean())
            if accelerator.sync_gradients:
                gradients.append(model.weight.grad.item())
            optimizer.step()
            optimizer.zero_grad()
    return gradients


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = one_weight()
        self.gradients = []

    def training_step(self, batch, _):
        return self.layer(batch).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)

    def on_before_optimizer_step(self, _):
        self.gradients.append(self.layer.weight.grad.item())


def with_lightning():
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    module = Module()
    quiet = {name: False for name in ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")}
    trainer = lightning.Trainer(accelerator="cpu", max_epochs=1, accumulate_grad_batches=4, **quiet)
    trainer.fit(module, batches())
    return module.gradients


seen = f"accelerate: gradients {with_accelerate()}\nlightning: gradients {with_lightning()}"

print(seen)
known = """\
accelerate: gradients [1.0, 0.5]
lightning: gradients [1.0, 0.5]"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
