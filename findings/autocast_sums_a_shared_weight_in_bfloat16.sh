#!/usr/bin/env bash
# A weight used n times in one forward pass under autocast, as in a recurrent or shared layer; its
# gradient is n.
# One would expect: weights and their gradients are float32, so sums over uses are float32.
# What happens: with bfloat16 the gradient stops at 256, however often the weight is used. A second use
#   that adds 2^-9 to a gradient of 1 is lost altogether. With cache_enabled=False it is right. Over
#   separate forward passes it is too.
# Why: all uses share one cached bfloat16 copy of the weight, and it is the copy's gradient that they are
#   summed into, in its type; only the sum is cast to float32.
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27):
#   256 uses: cached 256.0, not cached 256.0
#   1000 uses: cached 256.0, not cached 1000.0
#   1 and 2^-9: cached 1.0, not cached 1.001953125
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch


def gradient(inputs, cache):
    layer = torch.nn.Linear(1, 1, bias=False)
    with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=cache):
        outputs = [layer(torch.full((1, 1), x)).float() for x in inputs]
    sum(outputs).sum().backward()
    return layer.weight.grad.item()


lines = []
for what, inputs in (("256 uses", [1.0] * 256), ("1000 uses", [1.0] * 1000), ("1 and 2^-9", [1.0, 2.0**-9])):
    lines.append(f"{what}: cached {gradient(inputs, True)}, not cached {gradient(inputs, False)}")
seen = "\n".join(lines)

print(seen)
known = """\
256 uses: cached 256.0, not cached 256.0
1000 uses: cached 256.0, not cached 1000.0
1 and 2^-9: cached 1.0, not cached 1.001953125"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
