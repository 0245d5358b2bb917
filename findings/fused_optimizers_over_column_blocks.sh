#!/usr/bin/env bash
# torch.optim.SGD, Adam and AdamW with fused=True on the CPU, over a parameter that is a block of columns of a
# larger tensor, as after `chunk` along dimension 1.
#
# One would expect: the 18 elements of the parameter are updated, as with fused=False.
# What happens: 6 of them are, and 12 elements beside the parameter, which no optimizer was given. No error.
# Why: the kernel takes the parameter for dense memory and goes over numel() elements from its first one on.
# gradus steps on a dense copy and writes it back (policy/optimizer/moved_parameters.hpp).
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27):
#   SGD, Adam and AdamW: fused 6 of 18 and 12 beside, not fused 18 of 18 and 0 beside
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy
"$folder/venv/bin/python" - <<'PYTHON' || { echo "different now"; exit 1; }
import sys

import torch


def step(optimizer, fused):
    whole = torch.arange(54.0).reshape(6, 9) / 54
    before = whole.clone()
    block = torch.nn.Parameter(whole[:, :3])
    block.grad = torch.ones(6, 3)
    optimizer([block], lr=0.1, fused=fused).step()
    changed = whole != before
    return int(changed[:, :3].sum()), int(changed[:, 3:].sum())


as_seen = True
for optimizer in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW):
    fused, plain = step(optimizer, True), step(optimizer, False)
    print(f"{optimizer.__name__}: fused {fused[0]} of 18 and {fused[1]} beside, not fused {plain[0]} of 18 and {plain[1]} beside")
    as_seen = as_seen and fused == (6, 12) and plain == (18, 0)
sys.exit(0 if as_seen else 1)
PYTHON
