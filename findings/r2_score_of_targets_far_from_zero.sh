#!/usr/bin/env bash
# torchmetrics' r2_score of float32 targets from 10,000 to 10,001, which the outputs follow closely.
# One would expect: 0.940, as scikit-learn says in float64.
# What happens: 0.000.
# Why: the variance is the mean of squares less the square of the mean, in the type of the targets;
#   float32 holds 7 digits of numbers of 10^8.
# gradus sums in float64 (policy/metric/r2.hpp).
#
# Seen with torchmetrics==1.9.0, scikit-learn==1.9.1 and torch==2.11.0 (2026-11-28):
#   torchmetrics: 0.000
#   scikit-learn: 0.940
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.11.0 \
  torchmetrics==1.9.0 scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
from sklearn.metrics import r2_score as peer
from torchmetrics.functional import r2_score

target = torch.arange(100, dtype=torch.float32) / 100 + 10000
output = target + 0.1 * torch.sin(torch.arange(100, dtype=torch.float32))
lines = [f"torchmetrics: {r2_score(output, target).item():.3f}",
         f"scikit-learn: {peer(target.double().numpy(), output.double().numpy()):.3f}"]
seen = "\n".join(lines)

print(seen)
known = """\
torchmetrics: 0.000
scikit-learn: 0.940"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
