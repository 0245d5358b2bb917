#!/usr/bin/env bash
# torch.optim.Adafactor, whose point is a second moment kept as one row and one column, over the weight of a
# convolution [64, 64, 3, 3].
#
# One would expect: a state of about 64 * 9 + 64 numbers, some percent of the weight.
# What happens: the last two dimensions are factored, the 3 x 3 of each kernel: 24,576 numbers for 36,864
#   weights, two thirds of a full copy.
# gradus does the same, to be equal to PyTorch, and says so (docs/axes/optimizer.md).
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27): 24576 of 36864
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy
"$folder/venv/bin/python" - <<'PYTHON' || { echo "different now"; exit 1; }
import sys

import torch

weight = torch.nn.Parameter(torch.ones(64, 64, 3, 3))
weight.grad = torch.ones_like(weight)
optimizer = torch.optim.Adafactor([weight])
optimizer.step()
kept = sum(optimizer.state[weight][name].numel() for name in ("row_var", "col_var"))
print(f"{kept} of {weight.numel()}")
sys.exit(0 if (kept, weight.numel()) == (24576, 36864) else 1)
PYTHON
