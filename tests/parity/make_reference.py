"""Writes reference.json beside this file: what Python PyTorch 2.11 gives where gradus must give the same.

    pip install torch==2.11.0 && python3 tests/parity/make_reference.py
"""
import json
import pathlib

import torch

STEPS = 20


def rates(**options):
    """Rate and beta1 of each step under OneCycleLR."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, total_steps=STEPS, **options)
    curve = []
    for step in range(STEPS):
        group = optimizer.param_groups[0]
        curve.append([group["lr"], group["betas"][0]])
        optimizer.step()
        if step + 1 < STEPS:
            schedule.step()
    return curve


def trajectory(make):
    """A matrix and a vector moved for STEPS steps along gradients that are exact in float32."""
    matrix = torch.nn.Parameter(torch.arange(12, dtype=torch.float32).reshape(3, 4) / 8 - 0.5)
    vector = torch.nn.Parameter(torch.arange(4, dtype=torch.float32) / 4)
    optimizer = make(matrix, vector)
    for step in range(STEPS):
        for scale, parameter in ((1.0, matrix), (-0.5, vector)):
            index = torch.arange(parameter.numel(), dtype=torch.float32).reshape(parameter.shape)
            parameter.grad = scale * ((index * 7 + step * 3) % 11 - 5) / 8
        optimizer.step()
    return [matrix.flatten().tolist(), vector.tolist()]


def groups(matrix, vector, decay):
    return [{"params": [matrix], "weight_decay": decay}, {"params": [vector], "weight_decay": 0.0}]


reference = {
    "made_by": f"torch {torch.__version__}",
    "one_cycle": {
        "cosine": rates(max_lr=0.02),
        "linear": rates(max_lr=0.02, anneal_strategy="linear", pct_start=0.25),
        "three_phase": rates(max_lr=0.1, three_phase=True, div_factor=10, final_div_factor=100),
        "three_phase_linear": rates(max_lr=0.1, three_phase=True, anneal_strategy="linear"),
    },
    "sgd": {
        "plain": trajectory(lambda m, v: torch.optim.SGD([m, v], lr=0.1, fused=True)),
        "momentum": trajectory(
            lambda m, v: torch.optim.SGD([m, v], lr=0.1, momentum=0.9, weight_decay=0.01, fused=True)),
        "nesterov": trajectory(
            lambda m, v: torch.optim.SGD([m, v], lr=0.1, momentum=0.9, nesterov=True, fused=True)),
    },
    "adamw": {
        "all": trajectory(lambda m, v: torch.optim.AdamW([m, v], lr=0.1, weight_decay=0.1, fused=True)),
        "weights": trajectory(
            lambda m, v: torch.optim.AdamW(groups(m, v, 0.1), lr=0.1, betas=(0.8, 0.98), fused=True)),
    },
}
path = pathlib.Path(__file__).with_name("reference.json")
path.write_text(json.dumps(reference, indent=1) + "\n")
