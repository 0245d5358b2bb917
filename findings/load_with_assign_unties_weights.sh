#!/usr/bin/env bash
# Module.load_state_dict(assign=True) for a model in which two layers share one weight.
# One would expect: assign changes how values arrive, not what the model is; the weight stays shared.
# What happens: each name gets a parameter of its own. The model has two where it had one. Where the
#   loaded values share memory, both still lie over it: an optimizer counts the weight twice, and a first
#   step of Adam moves it twice as far.
# Why: the loader goes through names and sets each module's attribute by itself; the copying path writes
#   into the shared tensor.
# In gradus the tie survives saving and loading.
#
# Seen with torch==2.15.0 and torch==2.11.0 (2026-11-27):
#   assign=False: 1 parameters, over one memory: True, a step of 0.10
#   assign=True: 2 parameters, over one memory: True, a step of 0.20
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import copy, sys

import torch


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(2, 2, bias=False)
        self.second = torch.nn.Linear(2, 2, bias=False)
        self.second.weight = self.first.weight


lines = []
for assign in (False, True):
    model = Tied()
    model.load_state_dict(copy.deepcopy(model.state_dict()), assign=assign)
    one_memory = model.first.weight.data_ptr() == model.second.weight.data_ptr()
    before = model.first.weight.detach().clone()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    (model.first.weight + model.second.weight).sum().backward()
    optimizer.step()
    moved = (before - model.first.weight).mean().item()
    count = len(list(model.parameters()))
    lines.append(f"assign={assign}: {count} parameters, over one memory: {one_memory}, a step of {moved:.2f}")
seen = "\n".join(lines)

print(seen)
known = """\
assign=False: 1 parameters, over one memory: True, a step of 0.10
assign=True: 2 parameters, over one memory: True, a step of 0.20"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
