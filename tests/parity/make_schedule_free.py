"""Writes schedule_free.json: what AdamWScheduleFree of the package schedulefree gives, step by step, where gradus's
ScheduleFreeAdamW must give the same; outputs and weights at the end are those of its evaluation mode.

    pip install torch==2.11.0 schedulefree==1.4.1 numpy && python3 tests/parity/make_schedule_free.py
"""
import importlib.metadata

import schedulefree
import torch

import make_trajectories
from make_trajectories import C, P, case

torch.set_num_threads(1)


class Recorded(schedulefree.AdamWScheduleFree):
    """Notes the rate of each step, which its warm-up makes of that of the group."""

    def step(self, closure=None):
        result = super().step(closure)
        self.rates.append(self.param_groups[0]["scheduled_lr"])
        return result


def train(one, dtype):
    made = []

    def make_optimizer(kind, o, net, fused):
        assert kind == "ScheduleFreeAdamW"
        o = dict(o)
        betas = (o.pop("beta1", 0.9), o.pop("beta2", 0.999))
        decay, only_weights = o.pop("weight_decay", 0.0), o.pop("decay", "all") == "weights"
        groups = [
            {"params": [p for p in net.parameters() if p.dim() > 1], "weight_decay": decay},
            {"params": [p for p in net.parameters() if p.dim() < 2], "weight_decay": 0.0 if only_weights else decay},
        ]
        made.append(Recorded(groups, betas=betas, weight_lr_power=o.pop("weight_power", 2.0),
                             warmup_steps=one["warmup_steps"], **o))
        made[0].rates = []
        made[0].train()
        return made[0]

    def make_schedule(kind, s, optimizer, total):
        return shipped_schedule("Constant" if kind == "Warmup<Constant>" else kind, s, optimizer, total)

    make_trajectories.make_optimizer, make_trajectories.make_schedule = make_optimizer, make_schedule
    return {**shipped_train(one, dtype), "rates": made[0].rates}


shipped_schedule, shipped_train = make_trajectories.make_schedule, make_trajectories.train
make_trajectories.train = train


def free(name, net, warmup_steps=0, schedule="Constant", **more):
    settings = dict(optimizer__lr=0.01, **more.pop("settings", {}))
    if warmup_steps > 0:
        schedule = "Warmup<Constant>"
        settings.update(schedule__steps=warmup_steps - 1, schedule__start_factor=1 / warmup_steps)
    return case(name, net, "ScheduleFreeAdamW", schedule, warmup_steps=warmup_steps, settings=settings, **more)


CASES = [
    free("schedule-free", P),
    free("schedule-free with decay and warm-up", P, warmup_steps=10, settings=dict(optimizer__weight_decay=0.1)),
    free("schedule-free under Cosine, with other powers, decaying weights only", P, schedule="Cosine",
         settings=dict(optimizer__weight_decay=0.1, optimizer__decay="weights", optimizer__beta1=0.8,
                       optimizer__beta2=0.98, optimizer__r=1.0, optimizer__weight_power=1.0, schedule__min_lr=0.0001)),
    free("convolutions, schedule-free, with decay, warm-up and accumulation", C, warmup_steps=10, epochs=10,
         settings=dict(optimizer__weight_decay=0.1, accumulation__steps=2)),
    free("500 steps, schedule-free with warm-up", P, warmup_steps=50, epochs=50),
]
make_trajectories.write(CASES, "schedule_free.json",
                        f"torch {torch.__version__}, schedulefree {importlib.metadata.version('schedulefree')}")
