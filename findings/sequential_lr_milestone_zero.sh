#!/usr/bin/env bash
# torch.optim.lr_scheduler.SequentialLR with a milestone at 0, as from a warm-up of no steps.
# One would expect: the second schedule from the first step on, in every version.
# What happens: in PyTorch 2.11.0 the first step has the rate of the first schedule, and later ones have
#   the product of both factors, which is neither's. In 2.15.0 the second schedule begins at once.
# Why: 2.11 starts with the first schedule whatever the milestones say, and the second takes the rate that
#   it finds for its own base; 2.15 looks up which one is due at step 0. A run that resumes with another
#   version trains at another rate.
#
# Seen (2026-11-27):
#   torch==2.11.0
#     factors 0.1 until step 0, then 0.5: 0.1, 0.05, 0.05, 0.05
#   torch==2.15.0
#     factors 0.1 until step 0, then 0.5: 0.5, 0.5, 0.5, 0.5
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/look.py" <<'PYTHON'
import sys

import torch
from torch.optim.lr_scheduler import ConstantLR, SequentialLR

optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
parts = [ConstantLR(optimizer, factor=factor, total_iters=100) for factor in (0.1, 0.5)]
schedule = SequentialLR(optimizer, parts, milestones=[0])
rates = []
for _ in range(4):
    rates.append(optimizer.param_groups[0]["lr"])
    optimizer.step()
    schedule.step()
seen = "factors 0.1 until step 0, then 0.5: " + ", ".join(f"{rate:.4g}" for rate in rates)

print(seen)
known = {
    "torch==2.11.0": """\
factors 0.1 until step 0, then 0.5: 0.1, 0.05, 0.05, 0.05""",
    "torch==2.15.0": """\
factors 0.1 until step 0, then 0.5: 0.5, 0.5, 0.5, 0.5""",
}[sys.argv[1]]
if seen != known:
    sys.exit(f"different now with {sys.argv[1]}; this was seen:\n{known}")
PYTHON

for package in torch==2.11.0 torch==2.15.0; do
  python3 -m venv "$folder/$package"
  "$folder/$package/bin/python" -m pip install --quiet --disable-pip-version-check "$package" numpy==2.4.6
  "$folder/$package/bin/python" -W ignore "$folder/look.py" "$package"
  rm -rf "${folder:?}/$package"
done
