#!/usr/bin/env bash
# F.cross_entropy with its default mean, where nothing counts: all targets are ignore_index, or have class
# weight 0.
# One would expect: both are the same nothing: a loss of 0, or NaN and NaN gradients.
# What happens: the loss is NaN, 0 / 0, in both cases. The gradient is exactly 0 where targets are
#   ignored, so weights stay finite and only the logged mean is lost; it is NaN where class weights are 0,
#   and the next step makes the model NaN.
# In gradus a mean over no target that counts is absent, never a number.
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27):
#   ignored targets: loss nan, gradient [0.0]
#   targets of weight 0: loss nan, gradient [nan]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
import torch.nn.functional as F

lines = []
for what, target, weight in (
    ("ignored targets", torch.full((3,), -100), None),
    ("targets of weight 0", torch.tensor([0, 1, 2]), torch.zeros(5)),
):
    logits = torch.zeros(3, 5, requires_grad=True)
    loss = F.cross_entropy(logits, target, weight=weight)
    loss.backward()
    lines.append(f"{what}: loss {loss.item()}, gradient {logits.grad.unique().tolist()[:1]}")
seen = "\n".join(lines)

print(seen)
known = """\
ignored targets: loss nan, gradient [0.0]
targets of weight 0: loss nan, gradient [nan]"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
