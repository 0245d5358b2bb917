#!/usr/bin/env bash
# torch.optim.SGD(fused=True) on the CPU, over bfloat16 or float16 parameters.
#
# One would expect: every element is updated, as with fused=False, or the type is refused.
# What happens: in PyTorch 2.11.0 only the last few elements are updated, those that do not fill a
#   vector of the processor: 8 of 40 with AVX-512. No error, no warning. float32 is right, and in
#   PyTorch 2.15.0 all three types are.
# Why: the kernel of 2.11 computes the new values of a 16-bit vector and does not store them; only the
#   loop over the remainder does.
# gradus takes foreach operators for such parameters, in every version (policy/optimizer/sgd.hpp).
#
# Seen with torch==2.11.0 and torch==2.15.0 (2026-11-27):
#   2.11.0: float32 40 of 40, bfloat16 8 of 40, float16 8 of 40
#   2.15.0: float32 40 of 40, bfloat16 40 of 40, float16 40 of 40
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/look.py" <<'PYTHON'
import sys

import torch

moved = {}
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    weight = torch.nn.Parameter(torch.ones(40, dtype=dtype))
    weight.grad = torch.full_like(weight, 0.5)
    torch.optim.SGD([weight], lr=1.0, fused=True).step()
    moved[str(dtype).removeprefix("torch.")] = int((weight != 1).sum())
print(f"{torch.__version__}: " + ", ".join(f"{name} {count} of 40" for name, count in moved.items()))
whole = sys.argv[1] == "whole"
as_seen = moved["float32"] == 40 and all((moved[name] == 40) == whole for name in ("bfloat16", "float16"))
sys.exit(0 if as_seen else 1)
PYTHON

look() {  # look PACKAGE whole|part
  python3 -m venv "$folder/$1"
  "$folder/$1/bin/python" -m pip install --quiet --disable-pip-version-check "$1" numpy
  "$folder/$1/bin/python" "$folder/look.py" "$2" || { echo "different now: $1 was seen to update a $2 of 16-bit weights"; exit 1; }
  rm -rf "${folder:?}/$1"
}
look torch==2.11.0 part
look torch==2.15.0 whole
