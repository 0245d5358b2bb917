#!/usr/bin/env bash
# torchmetrics' binary metrics, given logits of 4 samples in two batches and in one.
# One would expect: the same accuracy, since batches only cut the set.
# What happens: 0.50 in two batches, 1.00 in one. No warning.
# Why: outputs are taken for logits, and go through a sigmoid, only if one of the batch lies outside
#   [0, 1]; a batch whose logits happen to lie inside is compared with 0.5 as it is.
# gradus's metrics always take scores, of which those above 0 are a yes (policy/metric/).
#
# Seen with torchmetrics==1.9.0 and torch==2.11.0 (2026-11-28):
#   batches of 2: 0.50
#   batches of 4: 1.00
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.11.0 \
  torchmetrics==1.9.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
from torchmetrics.classification import BinaryAccuracy

logits = torch.tensor([0.2, 0.3, 2.0, 0.3])
target = torch.ones(4, dtype=torch.long)
lines = []
for batch in (2, 4):
    metric = BinaryAccuracy()
    for begin in range(0, 4, batch):
        metric.update(logits[begin:begin + batch], target[begin:begin + batch])
    lines.append(f"batches of {batch}: {metric.compute().item():.2f}")
seen = "\n".join(lines)

print(seen)
known = """\
batches of 2: 0.50
batches of 4: 1.00"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
