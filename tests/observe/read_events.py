"""Reads what `observe_tensorboard` left by TensorBoard's own reader.

    read_events.py FOLDER

Exits with 77 where there is no tensorboard.
"""

import pathlib
import struct
import sys
import zlib

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


def decoded(png):
    """The rows of pixels of a PNG without filters, and its height, width and channels."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:8]
    at, chunks = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at:at + 4])
        kind, content = png[at + 4:at + 8], png[at + 8:at + 8 + length]
        (crc,) = struct.unpack(">I", png[at + 8 + length:at + 12 + length])
        assert crc == zlib.crc32(kind + content), kind
        chunks[kind] = content
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"], list(chunks)
    width, height, bits, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert bits == 8 and colour in (0, 2) and rest == [0, 0, 0], (bits, colour, rest)
    channels = 3 if colour == 2 else 1
    pixels, row = zlib.decompress(chunks[b"IDAT"]), 1 + width * channels
    assert len(pixels) == height * row
    rows = [pixels[y * row:(y + 1) * row] for y in range(height)]
    assert all(line[0] == 0 for line in rows)
    return [line[1:] for line in rows], height, width, channels


def check_image(png, number, height, width, channels):
    rows, *form = decoded(png)
    assert form == [height, width, channels], form
    for y, line in enumerate(rows):
        wanted = bytes((100 * number + 50 * c + 7 * y + x) % 256 for x in range(width) for c in range(channels))
        assert line == wanted, (number, y)


def check_images(found):
    def strings(tag):
        (event,) = found.Tensors(tag)
        assert event.step == 24, event.step
        return list(event.tensor_proto.string_val)

    for tag, count, height, width, channels in (("images/coloured", 2, 5, 7, 3), ("images/grey", 1, 300, 400, 1)):
        texts = strings(tag)
        assert found.SummaryMetadata(tag).plugin_data.plugin_name == "images"
        assert texts[:2] == [str(width).encode(), str(height).encode()] and len(texts) == 2 + count, texts[:2]
        for number, png in enumerate(texts[2:]):
            check_image(png, number, height, width, channels)
    wrong = {"wrong/01 dog, is 2": 2, "wrong/02 dog, is 2": 5, "wrong/03 dog, is cat": 1}
    assert sorted(tag for tag in found.Tags()["tensors"] if tag.startswith("wrong/")) == sorted(wrong)
    for tag, index in wrong.items():
        check_image(strings(tag)[2], index, 4, 5, 3)
    (table,) = strings("wrong")
    assert b"| 03 | dog | 70.5% | cat | 1 |" in table, table


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
    kinds = {"weights/": EPOCHS, "gradients/": [5, 10, 15, 20]}
    names = {kind: {tag[len(kind):] for tag in histograms if tag.startswith(kind)} for kind in kinds}
    assert len(names["weights/"]) == 4 and names["weights/"] == names["gradients/"], histograms
    assert len(histograms) == 8, histograms
    for tag in histograms:
        shown = whole.Histograms(tag)
        steps = kinds[tag[:tag.index("/") + 1]]
        assert [event.step for event in shown] == steps, tag
        assert [event.histogram_value for event in shown] == [
            event.histogram_value for event in resumed.Histograms(tag)], tag
        for event in shown:
            values = event.histogram_value
            assert sum(values.bucket) == values.num > 0 and values.min <= values.max, values
    for found in (whole, resumed):
        text = found.Tensors("configuration")
        assert len(text) == 1 and b'{"lr": 0.01}' in text[0].tensor_proto.string_val[0], text
    check_images(whole)
    print(f"{len(whole.Tags()['scalars'])} curves, {len(histograms)} histograms, equal in a resumed run")


main()
