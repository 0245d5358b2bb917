"""Writes trajectories.json: what Python PyTorch 2.11 gives, step by step, where gradus must give the same.

    pip install torch==2.11.0 numpy && python3 tests/parity/make_trajectories.py

Every case is trained twice, in float32 (or under autocast) and in float64: the distance of the two is what
rounding does, and the measure of what may differ where other kernels run.
"""
import contextlib
import json
import math
import pathlib
import re

import torch

import nets

torch.set_num_threads(1)


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2; PyTorch has none."""

    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            blend, keep = group["betas"]
            for p in group["params"]:
                moment = self.state[p].setdefault("moment", torch.zeros_like(p))
                direction = p.grad.lerp(moment, blend).sign_()
                if group["weight_decay"] != 0:
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(direction, alpha=-group["lr"])
                moment.lerp_(p.grad, 1 - keep)


class Both:
    """Two optimizers as one: Muon for matrices, AdamW for the rest. Weights of convolutions are seen as matrices."""

    def __init__(self, net, muon, adamw):
        self.owners = [p for p in net.parameters() if p.dim() > 1]
        self.views = [torch.nn.Parameter(p.detach().reshape(p.size(0), -1)) for p in self.owners]
        self.muon = torch.optim.Muon(self.views, **muon)
        self.adamw = torch.optim.AdamW([p for p in net.parameters() if p.dim() < 2], fused=True, **adamw)
        self.param_groups = self.muon.param_groups + self.adamw.param_groups

    def step(self):
        for owner, view in zip(self.owners, self.views):
            view.grad = owner.grad.reshape(view.shape)
        self.muon.step()
        self.adamw.step()
        for owner, view in zip(self.owners, self.views):
            owner.data.copy_(view.data.reshape(owner.shape))


def make_optimizer(kind, o, net, fused=True):
    o = dict(o)
    decay, only_weights = o.pop("weight_decay", 0.0), o.pop("decay", "all") == "weights"
    groups = [
        {"params": [p for p in net.parameters() if p.dim() > 1], "weight_decay": decay},
        {"params": [p for p in net.parameters() if p.dim() < 2], "weight_decay": 0.0 if only_weights else decay},
    ]
    if not only_weights:
        groups = [{"params": list(net.parameters()), "weight_decay": decay}]
    betas = (o.pop("beta1", 0.9), o.pop("beta2", 0.99 if kind == "Lion" else 0.999))
    if kind == "SGD":
        # PyTorch 2.11's fused SGD reads a velocity that was never written if the very first step is skipped.
        return torch.optim.SGD(groups, fused=fused, **o)
    if kind in ("Adam", "AdamW"):
        return getattr(torch.optim, kind)(groups, fused=True, betas=betas, **o)
    if kind == "RMSprop":
        return torch.optim.RMSprop(groups, foreach=True, **o)
    if kind == "Lion":
        return Lion(groups, o["lr"], betas, 0.0)
    if kind == "Adafactor":
        return torch.optim.Adafactor(groups, eps=(torch.finfo(torch.float32).eps, 1e-3), **o)
    fallback = {"lr": o.pop("fallback.lr"), "weight_decay": 0.01}
    return Both(net, {"adjust_lr_fn": o.pop("rate", "original"), "weight_decay": decay, **o}, fallback)


def make_schedule(kind, s, optimizer, total):
    lr = torch.optim.lr_scheduler
    if kind == "Constant":
        return lr.LambdaLR(optimizer, lambda step: 1.0)
    if kind == "OneCycle":
        s = dict(s)
        strategy = {"cosine": "cos", "linear": "linear"}[s.pop("anneal", "cosine")]
        return lr.OneCycleLR(optimizer, total_steps=total, anneal_strategy=strategy, **s)
    if kind == "Cosine":
        return lr.CosineAnnealingLR(optimizer, total, eta_min=s["min_lr"])
    if kind == "CosineRestarts":
        return lr.CosineAnnealingWarmRestarts(optimizer, s["first_period"], s["period_factor"], s["min_lr"])
    if kind == "StepDecay":
        return lr.StepLR(optimizer, s["step_size"], s["gamma"])
    if kind == "MultiStep":
        stones = [math.ceil(part * total) for part in (s["first"], s["second"])]
        return lr.MultiStepLR(optimizer, stones, s["gamma"])
    if kind == "Exponential":
        return lr.ExponentialLR(optimizer, s["gamma"])
    if kind == "Polynomial":
        return lr.PolynomialLR(optimizer, total, s["power"])
    if kind == "Warmup<Cosine>":
        rise = lr.LinearLR(optimizer, s["start_factor"], 1.0, s["steps"])
        fall = lr.CosineAnnealingLR(optimizer, total - s["steps"], eta_min=s["then.min_lr"])
        return lr.SequentialLR(optimizer, [rise, fall], [s["steps"]])
    if kind == "Sequence<Constant, Polynomial>":
        until = round(s["split"] * total)
        parts = [lr.ConstantLR(optimizer, 1.0, 1), lr.PolynomialLR(optimizer, total - until, s["second.power"])]
        return lr.SequentialLR(optimizer, parts, [until])
    assert kind == "ReduceOnPlateau"
    return lr.ReduceLROnPlateau(optimizer, factor=s["factor"], patience=s["patience"], threshold=s["threshold"])


def settings_of(case, axis):
    return {key.split(".", 1)[1]: value for key, value in case["settings"].items() if key.startswith(axis + ".")}


def train(case, dtype):
    """Losses and rates of each step; sums of each parameter; what else the case asks for."""
    net = nets.start({"Perceptron": nets.Perceptron, "ConvNet": nets.ConvNet, "ResNet10": nets.ResNet10}[case["net"]]())
    if case.get("sharing"):
        net.stage1.conv2.weight = net.stage1.conv1.weight
        net = nets.start(net)
    net = net.to(dtype)
    pixels, labels = nets.images("data_batch_1.bin", case["samples"])
    test, test_labels = nets.images("test_batch.bin", 64)
    if case["net"] == "Perceptron":
        pixels, test = nets.thumbnails(pixels), nets.thumbnails(test)
    pixels, test = pixels.to(dtype), test.to(dtype)
    batch, accumulation = case["batch"], case["settings"].get("accumulation.steps", 1)
    starts = list(range(0, case["samples"], batch))
    windows = [starts[i : i + accumulation] for i in range(0, len(starts), accumulation)]
    total = len(windows) * case["epochs"]

    optimizer = make_optimizer(case["optimizer"], settings_of(case, "optimizer"), net, case.get("fused", True))
    parts = [optimizer.muon, optimizer.adamw] if case["optimizer"] == "Muon" else [optimizer]
    schedules = [make_schedule(case["schedule"], settings_of(case, "schedule"), part, total) for part in parts]
    half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(case["settings"].get("precision.type"))
    half = half if dtype == torch.float32 else None
    scaled = half == torch.float16
    scaler = torch.amp.GradScaler("cpu", init_scale=case["settings"].get("precision.initial_scale", 65536.0),
                                  growth_interval=case["settings"].get("precision.growth_interval", 2000),
                                  enabled=scaled)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=case["settings"].get("loss.label_smoothing", 0.0))
    averaged = None
    if case.get("averaging") == "EMA":
        decay = case["settings"]["averaging.decay"]
        averaged = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))
    if case.get("averaging") == "SWA":
        averaged = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_swa_multi_avg_fn())

    losses, rates, step, skipped = [], [], 0, 0
    for epoch in range(case["epochs"]):
        net.train()
        epoch_loss = 0.0
        for window in windows:
            samples = sum(min(batch, case["samples"] - first) for first in window)
            window_loss = 0.0
            for first in window:
                x, y = pixels[first : first + batch], labels[first : first + batch]
                scope = torch.autocast("cpu", dtype=half) if half else contextlib.nullcontext()
                with scope:
                    output = net(x)
                    output = output.float() if half else output
                    loss = criterion(output, y)
                window_loss += loss.item() * len(y)
                weight = len(y) / samples
                scaler.scale(loss * weight if weight != 1 else loss).backward()
            if scaled:
                scaler.unscale_(optimizer)
            gradients = [p for p in net.parameters()]
            if "clipping.max_norm" in case["settings"]:
                torch.nn.utils.clip_grad_norm_(gradients, case["settings"]["clipping.max_norm"], foreach=True)
            if "clipping.clip_value" in case["settings"]:
                torch.nn.utils.clip_grad_value_(gradients, case["settings"]["clipping.clip_value"], foreach=True)
            rates.append(parts[0].param_groups[0]["lr"])
            before = scaler.get_scale()
            scaler.step(optimizer) if scaled else optimizer.step()
            scaler.update()
            took = not scaled or scaler.get_scale() >= before
            skipped += 0 if took else 1
            if took:
                step += 1
                if case["schedule"] != "ReduceOnPlateau" and step < total:
                    for schedule in schedules:
                        schedule.step()
                start = case["settings"].get("averaging.begin", 0.0)
                if averaged is not None and step > start * total:
                    averaged.update_parameters(net)
            for p in net.parameters():
                p.grad = None
            losses.append(window_loss / samples)
            epoch_loss += window_loss
        if case["schedule"] == "ReduceOnPlateau":
            for schedule in schedules:
                schedule.step(epoch_loss / case["samples"])

    judged = net
    if hasattr(optimizer, "eval"):  # make_schedule_free.py: its averages take the place of the weights
        optimizer.eval()
        torch.optim.swa_utils.update_bn([pixels[first : first + batch] for first in starts], net)
    if averaged is not None:
        judged = averaged.module
        if case["averaging"] == "SWA":
            torch.optim.swa_utils.update_bn([pixels[first : first + batch] for first in starts], averaged)
    judged.eval()
    with torch.no_grad():
        scope = torch.autocast("cpu", dtype=half) if half else contextlib.nullcontext()
        with scope:
            logits = judged(test)
        logits = logits.to(torch.float64)
    return {
        "losses": losses,
        "rates": rates,
        "skipped": skipped,
        "weights": [p.detach().to(torch.float64).abs().sum().item() for p in judged.parameters()],
        "logits": logits[:4].flatten().tolist(),
        "logit_sum": logits.abs().sum().item(),
    }


def case(name, net, optimizer, schedule="Constant", samples=160, batch=16, epochs=5, **more):
    settings = {key.replace("__", ".", 1).replace("__", "."): value for key, value in more.pop("settings").items()}
    return dict(name=name, net=net, optimizer=optimizer, schedule=schedule, samples=samples, batch=batch,
                epochs=epochs, settings=settings, **more)


P, C, R = "Perceptron", "ConvNet", "ResNet10"
ADAMW = dict(optimizer__lr=0.01, optimizer__weight_decay=0.1)
CASES = [
    case("SGD", P, "SGD", settings=dict(optimizer__lr=0.1)),
    case("SGD with momentum", P, "SGD", settings=dict(optimizer__lr=0.05, optimizer__momentum=0.9)),
    case("SGD with Nesterov momentum and decay", P, "SGD",
         settings=dict(optimizer__lr=0.05, optimizer__momentum=0.9, optimizer__nesterov=True, optimizer__weight_decay=0.01)),
    case("SGD with dampening", P, "SGD", settings=dict(optimizer__lr=0.1, optimizer__momentum=0.9, optimizer__dampening=0.5)),
    case("SGD that decays weights only", P, "SGD",
         settings=dict(optimizer__lr=0.05, optimizer__momentum=0.9, optimizer__weight_decay=0.05, optimizer__decay="weights")),
    case("Adam", P, "Adam", settings=dict(optimizer__lr=0.01)),
    case("Adam with L2 penalty", P, "Adam", settings=dict(optimizer__lr=0.01, optimizer__weight_decay=0.01)),
    case("Adam that decays weights only", P, "Adam",
         settings=dict(optimizer__lr=0.01, optimizer__weight_decay=0.05, optimizer__decay="weights", optimizer__beta2=0.98)),
    case("AdamW", P, "AdamW", settings=ADAMW),
    case("AdamW that decays weights only", P, "AdamW", settings=dict(**ADAMW, optimizer__decay="weights", optimizer__beta1=0.8)),
    case("RMSprop", P, "RMSprop", settings=dict(optimizer__lr=0.003)),
    case("RMSprop, centered, with momentum and decay", P, "RMSprop",
         settings=dict(optimizer__lr=0.001, optimizer__momentum=0.9, optimizer__centered=True, optimizer__weight_decay=0.01)),
    case("Lion", P, "Lion", settings=dict(optimizer__lr=0.001)),
    case("Adafactor", P, "Adafactor", settings=dict(optimizer__lr=0.05)),
    case("Adafactor with decay", P, "Adafactor", settings=dict(optimizer__lr=0.05, optimizer__weight_decay=0.1)),
    case("Muon", P, "Muon", settings={"optimizer.lr": 0.02, "optimizer.weight_decay": 0.1, "optimizer.fallback.lr": 0.01}),
    case("Muon at AdamW's rate without Nesterov", P, "Muon",
         settings={"optimizer.lr": 0.02, "optimizer.weight_decay": 0.1, "optimizer.fallback.lr": 0.02,
                   "optimizer.nesterov": False, "optimizer.rate": "match_rms_adamw"}),
    case("OneCycle", P, "AdamW", "OneCycle", settings=dict(**ADAMW, schedule__max_lr=0.02)),
    case("OneCycle, linear, of three phases", P, "AdamW", "OneCycle",
         settings=dict(**ADAMW, schedule__max_lr=0.02, schedule__anneal="linear", schedule__three_phase=True)),
    case("OneCycle over SGD", P, "SGD", "OneCycle", settings=dict(optimizer__lr=0.1, optimizer__momentum=0.9, schedule__max_lr=0.1)),
    case("Cosine", P, "AdamW", "Cosine", settings=dict(**ADAMW, schedule__min_lr=0.0001)),
    case("CosineRestarts", P, "AdamW", "CosineRestarts",
         settings=dict(**ADAMW, schedule__first_period=7, schedule__period_factor=2, schedule__min_lr=0.0001)),
    case("StepDecay", P, "AdamW", "StepDecay", settings=dict(**ADAMW, schedule__step_size=15, schedule__gamma=0.3)),
    case("MultiStep", P, "SGD", "MultiStep", settings=dict(optimizer__lr=0.1, schedule__first=0.5, schedule__second=0.75, schedule__gamma=0.1)),
    case("Exponential", P, "AdamW", "Exponential", settings=dict(**ADAMW, schedule__gamma=0.95)),
    case("Polynomial", P, "AdamW", "Polynomial", settings=dict(**ADAMW, schedule__power=2.0)),
    case("Warmup before Cosine", P, "AdamW", "Warmup<Cosine>",
         settings={**{k.replace("__", "."): v for k, v in ADAMW.items()}, "schedule.steps": 10,
                   "schedule.start_factor": 0.1, "schedule.then.min_lr": 0.0001}),
    case("Constant, then Polynomial", P, "AdamW", "Sequence<Constant, Polynomial>",
         settings={**{k.replace("__", "."): v for k, v in ADAMW.items()}, "schedule.split": 0.6, "schedule.second.power": 1.0}),
    case("ReduceOnPlateau", P, "SGD", "ReduceOnPlateau", samples=80, epochs=10,
         settings=dict(optimizer__lr=1.0, schedule__factor=0.5, schedule__patience=0, schedule__threshold=0.1)),
    case("accumulation with a short last window and batch", P, "SGD", samples=150, epochs=17,
         settings=dict(optimizer__lr=0.05, optimizer__momentum=0.9, accumulation__steps=4)),
    case("accumulation, clipped by norm", P, "AdamW", samples=150, epochs=13,
         settings=dict(**ADAMW, accumulation__steps=3, clipping__max_norm=0.5)),
    case("clipped by norm", P, "SGD", settings=dict(optimizer__lr=0.5, clipping__max_norm=0.3)),
    case("clipped by value", P, "AdamW", settings=dict(**ADAMW, clipping__clip_value=0.01)),
    case("Lion, accumulation, clipped by norm", P, "Lion", samples=150, epochs=13,
         settings=dict(optimizer__lr=0.001, accumulation__steps=3, clipping__max_norm=0.5)),
    case("RMSprop, accumulation, clipped by norm", P, "RMSprop", epochs=10,
         settings=dict(optimizer__lr=0.003, accumulation__steps=2, clipping__max_norm=1.0)),
    case("convolutions under SGD", C, "SGD", settings=dict(optimizer__lr=0.05, optimizer__momentum=0.9)),
    case("convolutions under AdamW and OneCycle", C, "AdamW", "OneCycle", settings=dict(**ADAMW, schedule__max_lr=0.02)),
    case("convolutions, accumulation, clipped, decaying weights only", C, "AdamW", samples=150, epochs=10,
         settings=dict(**ADAMW, optimizer__decay="weights", accumulation__steps=2, clipping__max_norm=0.5)),
    case("convolutions under Muon", C, "Muon",
         settings={"optimizer.lr": 0.02, "optimizer.weight_decay": 0.1, "optimizer.fallback.lr": 0.01}),
    case("convolutions in bfloat16 under AdamW", C, "AdamW", settings=dict(**ADAMW, precision__type="bfloat16")),
    case("convolutions in bfloat16 under SGD, accumulation", C, "SGD", epochs=10,
         settings=dict(optimizer__lr=0.05, optimizer__momentum=0.9, accumulation__steps=2, precision__type="bfloat16")),
    case("convolutions in float16 under AdamW", C, "AdamW", settings=dict(**ADAMW, precision__type="float16", precision__growth_interval=20)),
    case("convolutions in float16 under SGD, accumulation, overflowing scale", C, "SGD", epochs=10, fused=False,
         settings=dict(optimizer__lr=0.05, optimizer__momentum=0.9, accumulation__steps=2, precision__type="float16",
                       precision__initial_scale=2.0**24, precision__growth_interval=10)),
    case("convolutions in float16, clipped by norm", C, "AdamW",
         settings=dict(**ADAMW, precision__type="float16", clipping__max_norm=0.5)),
    case("label smoothing", C, "AdamW", settings=dict(**ADAMW, loss__label_smoothing=0.1)),
    case("EMA", P, "AdamW", averaging="EMA", settings=dict(**ADAMW, averaging__decay=0.9)),
    case("SWA with renewed statistics", C, "SGD", averaging="SWA",
         settings=dict(optimizer__lr=0.05, optimizer__momentum=0.9, averaging__begin=0.5, averaging__batches=10)),
    case("ResNet10 under SGD", R, "SGD", settings=dict(optimizer__lr=0.02)),
    case("ResNet10 under AdamW and OneCycle, an early layer shared", R, "AdamW", "OneCycle", sharing=True,
         settings=dict(**ADAMW, schedule__max_lr=0.01)),
    case("500 steps of SGD with momentum", P, "SGD", epochs=50, settings=dict(optimizer__lr=0.02, optimizer__momentum=0.9)),
    case("500 steps of AdamW under OneCycle", P, "AdamW", "OneCycle", epochs=50, settings=dict(**ADAMW, schedule__max_lr=0.01)),
    case("500 steps of convolutions under AdamW and Cosine", C, "AdamW", "Cosine", epochs=50, settings=dict(**ADAMW, schedule__min_lr=0.0001)),
]


def processor():
    """Family, model and vector extensions: the same kernels run where these are the same."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = [re.search(rf"^{key}\s*:\s*(.*)$", text, re.M) for key in ("vendor_id", "cpu family", "model", "stepping")]
    return " ".join(match.group(1) if match else "?" for match in found)


def write(cases, file, made_by=f"torch {torch.__version__}"):
    results = []
    for one in cases:
        single, double = train(one, torch.float32), train(one, torch.float64)
        distance = max(abs(a - b) / abs(b) for a, b in zip(single["losses"], double["losses"]))
        print(f"{one['name']}: {len(single['losses'])} steps, loss {single['losses'][0]:.4f} to "
              f"{single['losses'][-1]:.4f}, float64 apart by {distance:.1e}, {single['skipped']} skipped")
        results.append({**one, "float32": single, "float64": double})
    document = {"made_by": made_by, "processor": processor(), "cases": results}
    path = pathlib.Path(__file__).with_name(file)
    path.write_text(re.sub(r",\s+(?=-?\d)", ",", json.dumps(document, indent=0)) + "\n")


if __name__ == "__main__":
    write(CASES, "trajectories.json")
