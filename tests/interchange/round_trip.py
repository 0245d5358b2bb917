"""Runs of gradus-cifar10 go to PyTorch and back without a changed bit, and on from there:
round_trip.py PROGRAM SUBSET SCRIPTS"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
try:
    import torch
except ImportError:
    print("skipped: Python has no torch here")
    sys.exit(77)

PROGRAM, SUBSET, SCRIPTS = sys.argv[1:]
sys.path.insert(0, SCRIPTS)
import gradus_pytorch as gradus  # noqa: E402

COMMON = ["--data", SUBSET, "--threads", "1", "--quiet", "--offline"]
if torch.cuda.is_available():  # there equal bits are to be asked for
    COMMON += ["--deterministic", "true"]
SIZE = ["--width", "4", "--epochs", "2", "--train-samples", "128", "--test-samples", "50"]


def program(*words):
    subprocess.run([PROGRAM, *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def script(name, *words):
    subprocess.run([sys.executable, f"{SCRIPTS}/{name}", *map(str, words)], check=True)


def same(one, other):
    left, right = gradus.read(one)[0], gradus.read(other)[0]
    assert list(left) == list(right), "other tensors"
    for name in left:
        assert left[name].dtype == right[name].dtype, name
        assert left[name].numpy().tobytes() == right[name].numpy().tobytes() \
            if left[name].dtype != torch.bfloat16 else torch.equal(left[name], right[name]), name


def round_trip(folder, configuration, *more):
    whole, part = folder / "whole", folder / "part"
    program("train", configuration, *COMMON, *SIZE, *more, "--out", whole)
    program("train", configuration, *COMMON, *SIZE, *more, "--out", part, "--stop-after-steps", "5")
    checkpoints = part / configuration / "checkpoints"
    run = checkpoints / "step-000000005.safetensors"
    script("to_pytorch.py", run, folder / "run.pt")
    script("from_pytorch.py", folder / "run.pt", run, folder / "back.safetensors")
    same(run, folder / "back.safetensors")

    # The state is PyTorch's own: it takes a step with it.
    description = gradus.description_of(gradus.read(run)[1])
    model, optimizer = gradus.built(description)
    found = torch.load(folder / "run.pt", weights_only=True)
    model.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    model(torch.randn(4, 3, 32, 32)).square().mean().backward()
    optimizer.step()

    # And back in gradus the run resumes to the bits of one that never left.
    shutil.copy(folder / "back.safetensors", run)
    program("train", configuration, *COMMON, "--resume", "--out", part)
    final = pathlib.Path(configuration) / "checkpoints" / "final.safetensors"
    same(whole / final, part / final)

    script("to_pytorch.py", part / final, folder / "final.pt")
    script("from_pytorch.py", folder / "final.pt", part / final, folder / "final.safetensors")
    same(part / final, folder / "final.safetensors")
    program("evaluate", folder / "final.safetensors", *COMMON, "--test-samples", "50")


def main():
    assert gradus.crc32c(b"123456789") == 0xE3069283
    assert gradus.crc32c(bytes(range(256)) * 321) == gradus.crc32c(bytes(range(256)) * 321 + b"")
    for name, arguments in (("adamw", ("optimized", "--set", "loading.batch_size=8")),
                            ("sgd", ("unoptimized", "--set", "optimizer.momentum=0.9")),
                            ("plain_sgd", ("unoptimized",))):
        with tempfile.TemporaryDirectory() as folder:
            round_trip(pathlib.Path(folder), *arguments)
            print(f"{name}: every bit there and back")


main()
