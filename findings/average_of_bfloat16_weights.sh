#!/usr/bin/env bash
# torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn(0.999) over a model in bfloat16.
#
# One would expect: the average follows the weights, a thousandth of the difference each time.
# What happens: it is kept in bfloat16, where a thousandth of a difference of 1 is below half the distance to
#   the next number. It never moves.
# gradus keeps averages of 16-bit weights in float32 (policy/averaging/average_state.hpp).
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27), weights that jump from 1 to 2, 1,000 updates:
#   float32 1.6323, bfloat16 1.0000
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy
"$folder/venv/bin/python" - <<'PYTHON' || { echo "different now"; exit 1; }
import sys

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

found = {}
for dtype in (torch.float32, torch.bfloat16):
    model = torch.nn.Linear(1, 1, bias=False).to(dtype)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999))
    for value, updates in ((1.0, 1), (2.0, 1000)):
        with torch.no_grad():
            model.weight.fill_(value)
        for _ in range(updates):
            average.update_parameters(model)
    found[dtype] = average.module.weight.item()
print(f"float32 {found[torch.float32]:.4f}, bfloat16 {found[torch.bfloat16]:.4f}")
sys.exit(0 if abs(found[torch.float32] - 1.6323) < 1e-3 and found[torch.bfloat16] == 1 else 1)
PYTHON
