#!/usr/bin/env bash
# torch.optim.SGD(momentum=0.9, fused=True) whose very first step is skipped, because a gradient was infinite
# under a gradient scaler (found_inf is 1).
#
# One would expect: a skipped step leaves no trace; the next one begins the momentum from its gradient.
# What happens: the first call allocates the momentum without writing it, and the kernel, which is to skip,
#   does not write it either. The second step takes whatever was in that memory for a momentum. With
#   fill_uninitialized_memory, which makes such memory NaN, the weights are NaN after one good step.
# gradus begins a momentum with zeros (policy/optimizer/sgd.hpp).
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27): weights after the skipped step 1, after the next nan
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy
"$folder/venv/bin/python" - <<'PYTHON' || { echo "different now"; exit 1; }
import sys

import torch

torch.use_deterministic_algorithms(True)
torch.utils.deterministic.fill_uninitialized_memory = True
weight = torch.nn.Parameter(torch.ones(4))
optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9, fused=True)
optimizer.grad_scale = None  # as torch.amp.GradScaler sets the two for a fused optimizer
optimizer.found_inf = torch.ones(())
weight.grad = torch.full((4,), float("inf"))
optimizer.step()
skipped = weight.detach().clone()
optimizer.found_inf = torch.zeros(())
weight.grad = torch.ones(4)
optimizer.step()
print(f"weights after the skipped step {skipped[0].item():.0f}, after the next {weight[0].item()}")
sys.exit(0 if bool((skipped == 1).all()) and bool(weight.isnan().all()) else 1)
PYTHON
