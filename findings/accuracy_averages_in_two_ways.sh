#!/usr/bin/env bash
# The accuracy of nine answers right of ten, asked of torchmetrics in its three ways.
# One would expect: 0.9 from all.
# What happens: Accuracy(task="multiclass") says 0.9, MulticlassAccuracy and multiclass_accuracy 0.5.
# Why: the first averages over answers, the two others over classes, by default.
# gradus's Accuracy is over answers; the mean over classes is Recall<Average::macro>.
#
# Seen with torchmetrics==1.9.0 and torch==2.11.0 (2026-11-28):
#   Accuracy: 0.9
#   MulticlassAccuracy: 0.5
#   multiclass_accuracy: 0.5
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.11.0 \
  torchmetrics==1.9.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
import torchmetrics
from torchmetrics.functional.classification import multiclass_accuracy

answer = torch.zeros(10, dtype=torch.long)
target = torch.tensor([0] * 9 + [1])
lines = [f"Accuracy: {torchmetrics.Accuracy(task='multiclass', num_classes=2)(answer, target).item():.1f}",
         f"MulticlassAccuracy: {torchmetrics.classification.MulticlassAccuracy(num_classes=2)(answer, target).item():.1f}",
         f"multiclass_accuracy: {multiclass_accuracy(answer, target, num_classes=2).item():.1f}"]
seen = "\n".join(lines)

print(seen)
known = """\
Accuracy: 0.9
MulticlassAccuracy: 0.5
multiclass_accuracy: 0.5"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
