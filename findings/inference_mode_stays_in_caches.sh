#!/usr/bin/env bash
# A module that makes its mask in the first forward and keeps it, first evaluated and then trained.
# One would expect: torch.inference_mode is a faster torch.no_grad; what was made in it is a plain tensor
#   afterwards.
# What happens: a tensor made in it is an inference tensor for ever. A later training forward that saves
#   it for backward raises, far from the evaluation that is to blame. After no_grad it trains.
# In gradus evaluation leaves nothing in the model that a later training step cannot use.
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27):
#   no_grad: trains
#   inference_mode: RuntimeError: Inference tensors cannot be saved for backward
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch


class Masked(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)
        self.mask = None

    def forward(self, x):
        if self.mask is None:
            self.mask = torch.ones(4, 4).tril()
        return self.layer(x) * self.mask


lines = []
for mode in (torch.no_grad, torch.inference_mode):
    model = Masked()
    with mode():
        model(torch.ones(4, 4))
    try:
        model(torch.ones(4, 4)).sum().backward()
        lines.append(f"{mode.__name__}: trains")
    except RuntimeError as error:
        lines.append(f"{mode.__name__}: RuntimeError: {str(error).split('.')[0]}")
seen = "\n".join(lines)

print(seen)
known = """\
no_grad: trains
inference_mode: RuntimeError: Inference tensors cannot be saved for backward"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
