"""Runs exported models with onnxruntime and compares what they give with what LibTorch gave.

    run_models.py FOLDER

FOLDER is what `test_export` left there: for each model NAME.onnx and NAME.json, which lists the batches
that LibTorch ran. Exits with 77 where there is no onnx or onnxruntime.
"""

import json
import pathlib
import sys

try:
    import numpy
    import onnx
    import onnxruntime
except ImportError as missing:
    print(f"skipped: no Python package {missing.name}")
    sys.exit(77)

TOLERANCE = 1e-5  # of the largest value of an output


def array(folder, described):
    return numpy.fromfile(folder / described["file"], described["type"]).reshape(described["sizes"])


def checked(path):
    """The model, after onnx has looked at it, its shapes included."""
    onnx.checker.check_model(str(path), full_check=True)
    found = onnx.load(path)
    assert found.opset_import[0].version >= 20, found.opset_import
    for value in [*found.graph.input, *found.graph.output]:
        assert value.type.tensor_type.shape.dim[0].dim_param == "samples", value
    return found


def main():
    folder = pathlib.Path(sys.argv[1])
    names = sorted(path.stem for path in folder.glob("*.onnx"))
    assert len(names) >= 5, names
    for name in names:
        model = checked(folder / f"{name}.onnx")
        described = json.loads((folder / f"{name}.json").read_text())
        kept = {constant.name for constant in model.graph.initializer}
        missing = set(described["parameters"]) - kept
        assert not missing or described["folded"], f"{name}: no {missing} among the constants"
        assert described["metadata"].items() <= {e.key: e.value for e in model.metadata_props
  }.items(), name
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
        worst = 0.0
        for batch in described["batches"]:
            inputs = [array(folder, one) for one in batch["inputs"]]
            outputs = session.run(None, {at.name: one for at, one in zip(session.get_inputs(), inputs)})
            wanted = [array(folder, one) for one in batch["outputs"]]
            assert len(outputs) == len(wanted), name
            for found, expected in zip(outputs, wanted):
                assert found.shape == expected.shape, f"{name}: {found.shape} where LibTorch has {expected.shape}"
                apart = abs(found - expected).max() / max(abs(expected).max(), 1)
                worst = max(worst, float(apart))
        print(f"{name}: {len(model.graph.node)} nodes, {len(described['batches'])} batches, apart by {worst:.1e}")
        assert worst <= TOLERANCE, name


main()
