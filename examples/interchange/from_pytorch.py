"""Model and optimizer from PyTorch into a run of gradus: from_pytorch.py IN.pt RUN.safetensors OUT.safetensors

IN.pt is as to_pytorch.py writes it. RUN.safetensors is a checkpoint of the run to resume: everything
that PyTorch does not have (position, random streams, ...) is taken from it. A file of weights alone in
its place gives a file of weights alone, for `--init-from` and `evaluate`. Every bit stays."""

import sys

import torch

import gradus_pytorch as gradus


def main(source, run, target):
    tensors, metadata = gradus.read(run)
    description = gradus.description_of(metadata)
    model, optimizer = gradus.built(description)
    found = torch.load(source, weights_only=True)
    model.load_state_dict(found["model"])
    is_run = "gradus" in metadata
    prefixes = ("parameter/", "buffer/") if is_run else ("", "")
    changed = {prefixes[0] + name: value for name, value in model.named_parameters()}
    changed |= {prefixes[1] + name: value for name, value in model.named_buffers()}
    if is_run and "optimizer" in found:
        optimizer.load_state_dict(found["optimizer"])
        states = gradus.STATES[description["policies"]["optimizer"]["policy"]]
        for index, parameter in enumerate(model.parameters()):
            for ours, theirs in states.items():
                if theirs in optimizer.state[parameter]:
                    changed[f"policy/optimizer/{ours}.{index}"] = optimizer.state[parameter][theirs]
    for name, tensor in changed.items():
        if name in tensors:
            tensors[name] = tensor.detach()
    gradus.write(target, tensors, metadata)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
