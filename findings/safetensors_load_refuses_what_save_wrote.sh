#!/usr/bin/env bash
# safetensors.torch.load(save(tensors)), bytes in memory, against load_file and save_file.
# One would expect: what save wrote load reads, and load reads what load_file reads.
# What happens: save and load_file know float8_e8m0fnu and float4_e2m1fn_x2; load raises KeyError with the
#   type's name.
# Why: load_file goes through the Rust reader; load looks each type up in a table of its own in Python,
#   which lacks these two.
#
# Seen with torch==2.15.0 and torch==2.11.0, safetensors==0.8.0 (2026-11-27):
#   torch.float8_e4m3fn: load_file True, load torch.float8_e4m3fn
#   torch.float8_e8m0fnu: load_file True, load KeyError: 'F8_E8M0'
#   torch.float4_e2m1fn_x2: load_file True, load KeyError: 'F4'
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6 safetensors==0.8.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys, tempfile

import torch
from safetensors.torch import load, load_file, save

lines = []
for dtype in (torch.float8_e4m3fn, torch.float8_e8m0fnu, torch.float4_e2m1fn_x2):
    data = save({"w": torch.arange(8, dtype=torch.uint8).view(dtype)})
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        from_file = load_file(file.name)["w"].dtype
    try:
        from_bytes = str(load(data)["w"].dtype)
    except KeyError as error:
        from_bytes = f"KeyError: {error}"
    lines.append(f"{dtype}: load_file {from_file == dtype}, load {from_bytes}")
seen = "\n".join(lines)

print(seen)
known = """\
torch.float8_e4m3fn: load_file True, load torch.float8_e4m3fn
torch.float8_e8m0fnu: load_file True, load KeyError: 'F8_E8M0'
torch.float4_e2m1fn_x2: load_file True, load KeyError: 'F4'"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
