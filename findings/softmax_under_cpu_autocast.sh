#!/usr/bin/env bash
# The types of results under torch.autocast("cpu", dtype=torch.bfloat16).
# One would expect: softmax, sums, norms and exponentials come in float32, as the documentation's table
#   for CUDA has them.
# What happens: on the CPU they stay in bfloat16: softmax, log_softmax, layer_norm, exp, sum, cumsum,
#   norm. Losses such as cross_entropy and mse_loss are raised to float32, and so is prod. A loss put
#   together by hand from log_softmax and sum has 8 bits.
# Why: each device has a list of its own of operators that are raised; the CPU's is another one, much
#   shorter in this respect.
# gradus computes the loss in float32.
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27):
#   torch.bfloat16: softmax, log_softmax, layer_norm, exp, sum, cumsum, norm
#   torch.float32: prod, cross_entropy, mse_loss
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
import torch.nn.functional as F

target = torch.tensor([0, 1, 2, 3])
operators = {
    "softmax": lambda h: h.softmax(1),
    "log_softmax": lambda h: h.log_softmax(1),
    "layer_norm": lambda h: F.layer_norm(h, (8,)),
    "exp": lambda h: h.exp(),
    "sum": lambda h: h.sum(),
    "cumsum": lambda h: h.cumsum(1),
    "norm": lambda h: h.norm(),
    "prod": lambda h: h.prod(),
    "cross_entropy": lambda h: F.cross_entropy(h, target),
    "mse_loss": lambda h: F.mse_loss(h, torch.zeros(4, 8)),
}
types = {}
with torch.autocast("cpu", dtype=torch.bfloat16):
    hidden = torch.nn.Linear(8, 8)(torch.ones(4, 8))
    for name, operator in operators.items():
        types.setdefault(str(operator(hidden).dtype), []).append(name)
seen = "\n".join(f"{dtype}: {', '.join(names)}" for dtype, names in types.items())

print(seen)
known = """\
torch.bfloat16: softmax, log_softmax, layer_norm, exp, sum, cumsum, norm
torch.float32: prod, cross_entropy, mse_loss"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
