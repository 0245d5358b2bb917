"""Writes models.json beside this file: names, shapes and outputs of torchvision's ResNets and of a GPT in PyTorch,
with weights that are easy to make again.

    pip install torch==2.11.0 torchvision==0.26.0 && python3 tests/parity/make_models.py
"""
import json
import math
import pathlib

import torch
import torchvision
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent


def waves(count, shift):
    return torch.sin(torch.arange(count, dtype=torch.float64) * 0.37 + shift)


def fill(model):
    """Each tensor by its place among the sorted names."""
    state = {name: tensor for name, tensor in model.state_dict().items()
             if not name.endswith("num_batches_tracked")}
    with torch.no_grad():
        for place, name in enumerate(sorted(state)):
            tensor = state[name]
            values = waves(tensor.numel(), place)
            if tensor.dim() > 1:
                values *= math.sqrt(tensor.shape[0] / tensor.numel())
            elif name.endswith("running_var") or name.endswith(".weight"):
                values = 1 + values / 4
            else:
                values = values / 10
            tensor.copy_(values.reshape(tensor.shape).float())
    return state


class Attention(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(channels, 3 * channels)
        self.c_proj = nn.Linear(channels, channels)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = (part.reshape(n, t, self.heads, c // self.heads).transpose(1, 2)
                   for part in self.c_attn(x).chunk(3, dim=2))
        scores = q @ k.transpose(2, 3) / math.sqrt(c // self.heads)
        hidden = torch.ones(t, t, dtype=torch.bool).triu(1)
        seen = scores.masked_fill(hidden, -math.inf).softmax(3) @ v
        return self.c_proj(seen.transpose(1, 2).reshape(n, t, c))


class Perceptron(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.c_fc = nn.Linear(channels, 4 * channels)
        self.c_proj = nn.Linear(4 * channels, channels)

    def forward(self, x):
        return self.c_proj(nn.functional.gelu(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(channels)
        self.attn = Attention(channels, heads)
        self.ln_2 = nn.LayerNorm(channels)
        self.mlp = Perceptron(channels)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, channels):
        super().__init__()
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(vocabulary, channels), "wpe": nn.Embedding(context, channels),
            "h": nn.ModuleList([Block(channels, heads) for _ in range(layers)]), "ln_f": nn.LayerNorm(channels)})

    def forward(self, ids):
        parts = self.transformer
        x = parts["wte"](ids) + parts["wpe"](torch.arange(ids.shape[1]))
        for block in parts["h"]:
            x = block(x)
        return parts["ln_f"](x) @ parts["wte"].weight.T


def recorded(model, given):
    state = fill(model.eval())
    with torch.no_grad():
        output = model(given)
    return {"shapes": {name: list(tensor.shape) for name, tensor in state.items()},
            "output": output.flatten().tolist()}


images = waves(2 * 3 * 64 * 64, 1.0).reshape(2, 3, 64, 64).float()
ids = (torch.arange(20) * 7 % 11).reshape(2, 10)
found = {"made_by": f"torch {torch.__version__}, torchvision {torchvision.__version__}"}
for name in ("resnet18", "resnet34", "resnet50"):
    found[name] = recorded(getattr(torchvision.models, name)(num_classes=10), images)
found["gpt"] = recorded(Gpt(11, 16, 2, 2, 8), ids)
(HERE / "models.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
