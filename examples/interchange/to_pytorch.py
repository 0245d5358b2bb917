"""A checkpoint of gradus-cifar10 for PyTorch: to_pytorch.py RUN.safetensors OUT.pt

OUT.pt holds "model", a state_dict of ResNet10 (gradus_pytorch.py), and for a run "optimizer", one of
torch.optim.AdamW or SGD. Every bit stays."""

import sys

import torch

import gradus_pytorch as gradus


def main(source, target):
    tensors, metadata = gradus.read(source)
    description = gradus.description_of(metadata)
    model, optimizer = gradus.built(description)
    is_run = "gradus" in metadata
    prefixes = ("parameter/", "buffer/") if is_run else ("", "")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[prefixes[0] + name])
        for name, buffer in model.named_buffers():
            buffer.copy_(tensors[prefixes[1] + name])
    out = {"model": model.state_dict()}
    if is_run:
        states = gradus.STATES[description["policies"]["optimizer"]["policy"]]
        for index, parameter in enumerate(model.parameters()):
            for ours, theirs in states.items():
                saved = tensors.get(f"policy/optimizer/{ours}.{index}")
                if saved is not None:
                    optimizer.state[parameter][theirs] = saved.clone()
        out["optimizer"] = optimizer.state_dict()
    torch.save(out, target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
