#!/usr/bin/env bash
# torch.optim.RMSprop(centered=True) in float32, along gradients that never change.
#
# One would expect: the variance, mean(g^2) - mean(g)^2, goes to 0, and steps to lr / eps at most; nothing is NaN.
# What happens: the difference of two equal numbers rounds below zero for some elements, and its root is NaN;
#   with the default alpha of 0.99 that begins after about 1,200 steps. foreach makes no difference.
# gradus never takes the variance for less than the rounding of mean(g^2) (policy/optimizer/rmsprop.hpp).
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27), 1,000 gradients from 0.01 to 3:
#   the first NaN at step 1212, 25 of 1000 in the end (the exact numbers depend on the processor)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy
"$folder/venv/bin/python" - <<'PYTHON' || { echo "different now"; exit 1; }
import sys

import torch

gradient = torch.linspace(0.01, 3, 1000)
weight = torch.nn.Parameter(torch.zeros(1000))
optimizer = torch.optim.RMSprop([weight], lr=0.01, centered=True)
first = None
for step in range(1, 3001):
    weight.grad = gradient.clone()
    optimizer.step()
    if first is None and not bool(weight.isfinite().all()):
        first = step
lost = int(weight.isnan().sum())
print(f"the first NaN at step {first}, {lost} of 1000 in the end")
sys.exit(0 if first is not None and 500 < first < 3000 and lost > 0 else 1)
PYTHON
