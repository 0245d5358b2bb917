"""Writes distributed.json: 50 steps of ResNet10 by two processes of Python's DistributedDataParallel over Gloo.

    pip install torch==2.11.0 numpy && python3 tests/parity/make_distributed.py

Each process has half of each batch, in the order of the file: what gradus's DataParallel gives its ranks.
"""
import json
import pathlib
import re
import socket

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import nets

RANKS, SAMPLES, BATCH, EPOCHS, RATE, MOMENTUM = 2, 160, 16, 5, 0.02, 0.9


def train(rank, dtype):
    net = nets.start(nets.ResNet10()).to(dtype)
    model = torch.nn.parallel.DistributedDataParallel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM, fused=True)
    pixels, labels = nets.images("data_batch_1.bin", SAMPLES)
    test, _ = nets.images("test_batch.bin", 64)
    part = BATCH // RANKS
    losses = []
    for _ in range(EPOCHS):
        for first in range(rank * part, SAMPLES, BATCH):
            loss = torch.nn.functional.cross_entropy(model(pixels[first : first + part].to(dtype)), labels[first : first + part])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            mean = loss.detach().to(torch.float64) / RANKS
            dist.all_reduce(mean)
            losses.append(mean.item())
    net.eval()
    with torch.no_grad():
        logits = net(test.to(dtype)).to(torch.float64)
    return {
        "losses": losses,
        "weights": [p.detach().to(torch.float64).abs().sum().item() for p in net.parameters()],
        "logits": logits[:4].flatten().tolist(),
        "logit_sum": logits.abs().sum().item(),
    }


def main(rank, port):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=RANKS)
    found = {str(dtype).removeprefix("torch."): train(rank, dtype) for dtype in (torch.float32, torch.float64)}
    if rank == 0:
        document = {"made_by": f"torch {torch.__version__}", "samples": SAMPLES, "batch": BATCH, "epochs": EPOCHS,
                    "lr": RATE, "momentum": MOMENTUM, **found}
        path = pathlib.Path(__file__).with_name("distributed.json")
        path.write_text(re.sub(r",\s+(?=-?\d)", ",", json.dumps(document, indent=0)) + "\n")
    dist.destroy_process_group()


if __name__ == "__main__":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(main, args=(port,), nprocs=RANKS)
