#!/usr/bin/env bash
# torchmetrics' multiclass_auroc(average="macro") of a perfect ranking, where the third class has no
# sample.
# One would expect: the mean over the classes of which there is an AUROC, 1.0; or NaN, as scikit-learn has.
# What happens: 0.667, for the class without samples counts as 0. One warning says that zeros are
#   returned; the mean does not leave them out.
# gradus leaves such a class out of the mean (policy/metric/auroc.hpp).
#
# Seen with torchmetrics==1.9.0, scikit-learn==1.9.1 and torch==2.11.0 (2026-11-28):
#   each: [1.0, 1.0, 0.0]
#   macro: 0.667
#   scikit-learn: nan
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.11.0 \
  torchmetrics==1.9.0 scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy
import torch
from sklearn.metrics import roc_auc_score
from torchmetrics.functional.classification import multiclass_auroc

chance = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.3, 0.6, 0.1]])
target = torch.tensor([0, 1, 0, 1])
each = multiclass_auroc(chance, target, 3, average=None)
macro = multiclass_auroc(chance, target, 3, average="macro")
peer = roc_auc_score(target.numpy(), chance.double().numpy(), multi_class="ovr", labels=[0, 1, 2])
lines = [f"each: {[round(value, 3) for value in each.tolist()]}", f"macro: {macro.item():.3f}",
         f"scikit-learn: {peer}"]
seen = "\n".join(lines)

print(seen)
known = """\
each: [1.0, 1.0, 0.0]
macro: 0.667
scikit-learn: nan"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
