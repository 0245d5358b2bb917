#!/usr/bin/env bash
# A MaxPool or AveragePool with ceil_mode whose last window would begin in the padding behind the input.
# One would expect: the shape that onnx infers is that which onnxruntime computes.
# What happens: up to opset 21 onnx counts that window, and onnxruntime leaves it out as PyTorch does, with a
#   warning alone. From opset 22 on onnx leaves it out too. onnx.checker accepts all of these models. gradus writes
#   opset 20 and refuses to export a pooling whose sides disagree about it.
#
# Seen with onnx==1.23.2, onnxruntime==1.32.0 (2026-12-01), for 5 values, windows of 3, stride 3, 1 of padding:
#   opset 20 MaxPool inferred 3, computed 2
#   opset 20 AveragePool inferred 3, computed 2
#   opset 22 MaxPool inferred 2, computed 2
#   opset 22 AveragePool inferred 2, computed 2
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper

onnxruntime.set_default_logger_severity(3)
lines = []
for opset in (20, 22):
    for pool in ("MaxPool", "AveragePool"):
        node = helper.make_node(pool, ["x"], ["y"], kernel_shape=[3], strides=[3], pads=[1, 1], ceil_mode=1)
        graph = helper.make_graph([node], "pool", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 5])],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, "length"])])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[2].dim_value
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        computed = session.run(None, {"x": numpy.arange(5, dtype=numpy.float32).reshape(1, 1, 5)})[0].shape[2]
        lines.append(f"opset {opset} {pool} inferred {inferred}, computed {computed}")
seen = "\n".join(lines)

print(seen)
known = """\
opset 20 MaxPool inferred 3, computed 2
opset 20 AveragePool inferred 3, computed 2
opset 22 MaxPool inferred 2, computed 2
opset 22 AveragePool inferred 2, computed 2"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
