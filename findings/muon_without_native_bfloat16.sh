#!/usr/bin/env bash
# The time of torch.optim.Muon's products on a processor that does not multiply bfloat16 itself.
#
# One would expect: half the bytes, so no slower than float32; or, where the processor cannot multiply
#   bfloat16, float32 and two conversions, which products of n^3 operations hardly notice.
# What happens: x @ x.T is some times slower, and torch.addmm(x, gram, x), which Muon's steps are made of,
#   some tens of times: no fast path is taken, and a plain loop multiplies. Muon always computes in bfloat16,
#   so on such a processor its step can take longer than the forward and backward pass together.
# gradus's Muon computes in float32 on such a processor.
#
# Seen with torch==2.11.0 on an AMD EPYC (Zen 3), one thread, 256 x 2304 (2026-11-29):
#   x @ x.T 6.9 times the time of float32, addmm(x, gram, x) 37.1 times (the script asks for 2 and 10)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.11.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import statistics
import sys
import time

import torch

with open("/proc/cpuinfo", encoding="utf-8") as file:
    flags = set(file.read().split())
if flags & {"avx512_bf16", "amx_bf16", "bf16", "avx_ne_convert"}:
    print("this processor multiplies bfloat16 itself: nothing to see here")
    sys.exit()

torch.set_num_threads(1)
x = {dtype: torch.randn(256, 2304).to(dtype) for dtype in (torch.float32, torch.bfloat16)}
gram = {dtype: torch.randn(256, 256).to(dtype) for dtype in x}


def seconds(product, dtype):
    begin = time.perf_counter()
    product(x[dtype], gram[dtype])
    return time.perf_counter() - begin


def ratio(product):
    rounds = [[seconds(product, dtype) for dtype in x] for _ in range(6)][1:]
    return statistics.median(slow / fast for fast, slow in rounds)


of_gram = ratio(lambda matrix, _: matrix @ matrix.T)
of_step = ratio(lambda matrix, small: torch.addmm(matrix, small, matrix))
print(f"bfloat16 over float32: x @ x.T {of_gram:.1f} times, addmm(x, gram, x) {of_step:.1f} times the time")
if of_gram < 2 or of_step < 10:
    sys.exit("different now: at least 2 and 10 times were seen")
PYTHON
