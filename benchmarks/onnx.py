"""A checkpoint of gradus-cifar10 by gradus and, exported, by onnxruntime: accuracy and speed.

    python3 benchmarks/onnx.py CHECKPOINT [--program build/demo/bin/gradus-cifar10] [--data FOLDER]

Needs the Python packages onnxruntime and numpy. Both take turns, with as many threads; onnxruntime computes in
float32, gradus in the type of the configuration. gradus's rate is that of 9,000 test images: the time for all 10,000 less the time for 1,000, which has the start in it.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy
import onnxruntime

SIDE, RECORD, BATCH = 32, 1 + 3 * 32 * 32, 256


def test_set(folder):
    """Images [N, 3, 32, 32] of bytes, and their classes."""
    records = numpy.fromfile(folder / "test_batch.bin", numpy.uint8).reshape(-1, RECORD)
    return records[:, 1:].reshape(-1, 3, SIDE, SIDE), records[:, 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--program", default="build/demo/bin/gradus-cifar10")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fold-norms", action="store_true")
    arguments = parser.parse_args()

    def gradus(command, *flags):
        line = [arguments.program, command, arguments.checkpoint, "--json", "--threads", str(arguments.threads), *flags]
        begun = time.perf_counter()
        out = subprocess.run(list(map(str, line)), check=True, stdout=subprocess.PIPE).stdout
        return json.loads(out), time.perf_counter() - begun

    def evaluated(samples):
        return gradus("evaluate", "--data", arguments.data, "--test-samples", samples, "--device", "cpu")

    images, classes = test_set(arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        gradus("export", "--out", path, *(["--fold-norms"] if arguments.fold_norms else []))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        facts = session.get_modelmeta().custom_metadata_map
        mean, deviation = (numpy.array(json.loads(facts[key]), numpy.float32).reshape(3, 1, 1)
                           for key in ("mean", "deviation"))

        def classified():
            begun, correct = time.perf_counter(), 0
            for first in range(0, len(images), BATCH):
                batch = (images[first:first + BATCH].astype(numpy.float32) / 255 - mean) / deviation
                scores = session.run(None, {"input": batch})[0]
                correct += int((scores.argmax(1) == classes[first:first + BATCH]).sum())
            return correct / len(images), time.perf_counter() - begun

        ratios = []
        for _ in range(arguments.rounds):
            accuracy, seconds = classified()
            ours, whole = evaluated(len(images))
            _, start = evaluated(1000)
            rate, own_rate = len(images) / seconds, (len(images) - 1000) / (whole - start)
            ratios.append(rate / own_rate)
            print(f"onnxruntime {accuracy:.2%}, {rate:,.0f} images/s; gradus {ours['test_accuracy']:.2%}, "
                  f"{own_rate:,.0f} images/s")
    print(f"onnxruntime over gradus, images/s: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


main()
