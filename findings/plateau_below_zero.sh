#!/usr/bin/env bash
# torch.optim.lr_scheduler.ReduceLROnPlateau over a metric below zero, such as a log-likelihood.
#
# One would expect: a value that is worse than the best one counts as worse, whatever its sign.
# What happens: in the default mode (relative threshold, smaller is better) the bound is
#   best * (1 - threshold). Of a best value of -10 and a threshold of 0.1 that is -9: everything below
#   is "better", and becomes the new best. A metric that gets steadily worse by less than the threshold
#   never lowers the rate. The same values with the sign of a loss above zero lower it at once.
# gradus measures the threshold by the size of the best value (policy/schedule/reduce_on_plateau.hpp).
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27), patience 0, factor 0.5, threshold 0.1:
#   -10, -9.5, -9.1, -8.7, -8.3: rate 1.0 in the end, best value -8.3
#    10, 10.5, 10.9:             rate 0.25 in the end, best value 10
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy
"$folder/venv/bin/python" - <<'PYTHON' || { echo "different now"; exit 1; }
import sys

import torch


def after(metrics):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.1)
    for metric in metrics:
        plateau.step(metric)
    return optimizer.param_groups[0]["lr"], plateau.best


below = after([-10.0, -9.5, -9.1, -8.7, -8.3])
above = after([10.0, 10.5, 10.9])
print(f"{torch.__version__}: below zero rate {below[0]}, best {below[1]}; above zero rate {above[0]}, best {above[1]}")
sys.exit(0 if below == (1.0, -8.3) and above == (0.25, 10.0) else 1)
PYTHON
