"""Reads what `observe_tensorboard` left by TensorBoard's own reader.

    read_events.py FOLDER

Exits with 77 where there is no tensorboard.
"""

import pathlib
import sys

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError as missing:
    print(f"skipped: no Python package {missing.name}")
    sys.exit(77)

READINGS = list(range(2, 25, 2))  # of a run of 24 steps, every second one
EPOCHS = [8, 16, 24]


def read(folder):
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    found.Reload()
    return found


def curve(found, tag):
    return [(event.step, event.value) for event in found.Scalars(tag)]


def main():
    folder = pathlib.Path(sys.argv[1])
    whole, resumed = read(folder / "whole"), read(folder / "resumed")
    for tag in ("train/loss", "train/learning_rate", "train/gradient_norm"):
        assert [step for step, _ in curve(whole, tag)] == READINGS, curve(whole, tag)
        assert curve(whole, tag) == curve(resumed, tag), tag
    for tag in ("test/loss", "test/accuracy", "epoch/train_loss"):
        assert [step for step, _ in curve(whole, tag)] == EPOCHS, curve(whole, tag)
        assert curve(whole, tag) == curve(resumed, tag), tag
    histograms = whole.Tags()["histograms"]
    assert histograms and all(tag.startswith("weights/") for tag in histograms), histograms
    for tag in histograms:
        shown = whole.Histograms(tag)
        assert [event.step for event in shown] == EPOCHS, tag
        for event in shown:
            values = event.histogram_value
            assert sum(values.bucket) == values.num > 0 and values.min <= values.max, values
    for found in (whole, resumed):
        text = found.Tensors("configuration")
        assert len(text) == 1 and b'{"lr": 0.01}' in text[0].tensor_proto.string_val[0], text
    print(f"{len(whole.Tags()['scalars'])} curves, {len(histograms)} histograms, equal in a resumed run")


main()
