#!/usr/bin/env bash
# ONNX's Where between two bool tensors, as torch.where(condition, mask, other_mask) is.
# One would expect: a model that onnx.checker accepts, of an operator that onnxruntime has, runs.
# What happens: onnxruntime's CPU kernels of Where leave out bool and int16, which ONNX allows. The session is not made.
#   gradus writes (condition and mask) or (not condition and other mask).
#
# Seen with onnx==1.23.2, onnxruntime==1.32.0 (2026-12-01), opset 20:
#   float runs, int8 runs, int64 runs, string runs, bool NotImplemented, int16 NotImplemented
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import onnx
import onnxruntime
from onnx import TensorProto, helper

onnxruntime.set_default_logger_severity(4)
found = []
for name in ("float", "int8", "int64", "string", "bool", "int16"):
    of = lambda label, kind: helper.make_tensor_value_info(label, kind, [2])
    kind = getattr(TensorProto, name.upper())
    graph = helper.make_graph([helper.make_node("Where", ["condition", "a", "b"], ["y"])], "where",
                              [of("condition", TensorProto.BOOL), of("a", kind), of("b", kind)], [of("y", kind)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    try:
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        found.append(f"{name} runs")
    except Exception as error:
        found.append(f"{name} {type(error).__name__}")
seen = ", ".join(found)

print(seen)
known = "float runs, int8 runs, int64 runs, string runs, bool NotImplemented, int16 NotImplemented"
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
