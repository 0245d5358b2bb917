#!/usr/bin/env bash
# torch.nn.utils.clip_grad_norm_ over 16 finite float16 gradients of 30,000.
# One would expect: a norm of 120,000, and gradients shortened to a norm of 1, as in float32.
# What happens: the norm is inf and every gradient is exactly 0. No error, no warning: the model stands
#   still.
# Why: the norm is kept in the type of the gradients, whose largest number is 65,504; 1 / inf is 0.
# gradus takes the norm of 16-bit gradients in float32 (policy/clipping/clip_norm.hpp).
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27):
#   torch.float32: norm 120000, gradients 0.25
#   torch.float16: norm inf, gradients 0.00
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch

lines = []
for dtype in (torch.float32, torch.float16):
    weight = torch.nn.Parameter(torch.zeros(16, dtype=dtype))
    weight.grad = torch.full((16,), 30000.0, dtype=dtype)
    norm = torch.nn.utils.clip_grad_norm_([weight], max_norm=1.0).item()
    lines.append(f"{dtype}: norm {norm:.0f}, gradients {weight.grad[0].item():.2f}")
seen = "\n".join(lines)

print(seen)
known = """\
torch.float32: norm 120000, gradients 0.25
torch.float16: norm inf, gradients 0.00"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
