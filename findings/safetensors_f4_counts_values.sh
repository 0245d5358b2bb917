#!/usr/bin/env bash
# A float4 tensor that goes through safetensors.torch.
# One would expect: the file's shape is the tensor's shape.
# What happens: torch.float4_e2m1fn_x2 counts pairs, two values to a byte; F4 in the file counts values.
#   So the last dimension is twice as large in the file, and get_slice, which takes shapes from there,
#   raises for any part of such a tensor, the whole one too.
#
# Seen with torch==2.15.0 and torch==2.11.0, safetensors==0.8.0 (2026-11-27):
#   saved [4, 8], in the file [4, 16] of F4
#   loaded whole [4, 8]
#   two rows RuntimeError: shape '[4, 16]' is invalid for input of size 32
#   all rows RuntimeError: shape '[4, 16]' is invalid for input of size 32
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6 safetensors==0.8.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys, tempfile

import torch
from safetensors import safe_open
from safetensors.torch import save_file

weights = torch.arange(32, dtype=torch.uint8).view(4, 8).view(torch.float4_e2m1fn_x2)
with tempfile.TemporaryDirectory() as folder:
    save_file({"w": weights}, folder + "/f4.safetensors")
    with safe_open(folder + "/f4.safetensors", "pt") as file:
        part = file.get_slice("w")
        lines = [f"saved {list(weights.shape)}, in the file {part.get_shape()} of {part.get_dtype()}"]
        lines.append(f"loaded whole {list(file.get_tensor('w').shape)}")
        for what, rows in (("two rows", slice(0, 2)), ("all rows", slice(0, 4))):
            try:
                lines.append(f"{what} {list(part[rows].shape)}")
            except RuntimeError as error:
                lines.append(f"{what} RuntimeError: {error}")
seen = "\n".join(lines)

print(seen)
known = """\
saved [4, 8], in the file [4, 16] of F4
loaded whole [4, 8]
two rows RuntimeError: shape '[4, 16]' is invalid for input of size 32
all rows RuntimeError: shape '[4, 16]' is invalid for input of size 32"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
