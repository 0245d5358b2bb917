"""How many tokens a second does a small GPT learn from in Python PyTorch, eager, and how many rows a
perceptron whose rows a DataLoader shuffles? benchmarks/tasks.cpp with the same models, sizes and optimizer."""

import argparse

import torch
from rounds import facts, seconds_of, serve
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

CONTEXT = 128


class Block(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(channels)
        self.c_attn = nn.Linear(channels, 3 * channels)
        self.c_proj = nn.Linear(channels, channels)
        self.ln_2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))

    def forward(self, x):
        samples, tokens, channels = x.shape
        parts = self.c_attn(self.ln_1(x)).split(channels, 2)
        q, k, v = (part.view(samples, tokens, self.heads, -1).transpose(1, 2) for part in parts)
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(seen.transpose(1, 2).reshape(samples, tokens, channels))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    def __init__(self, vocabulary=256, layers=4, heads=4, channels=128):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, channels)
        self.wpe = nn.Embedding(CONTEXT, channels)
        self.blocks = nn.Sequential(*(Block(channels, heads) for _ in range(layers)))
        self.ln_f = nn.LayerNorm(channels)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.size(1)))
        return functional.linear(self.ln_f(self.blocks(x)), self.wte.weight)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=["gpt", "gpt_mixed", "mlp"], required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()

    said = facts(arguments.threads)
    torch.manual_seed(0)
    if arguments.task != "mlp":
        model, of_each, unit = Gpt(), CONTEXT, "tokens"
        ids = torch.randint(96, (arguments.samples * CONTEXT + 1,))
        windows = ids[:-1].view(-1, CONTEXT), ids[1:].view(-1, CONTEXT)
        loader = DataLoader(TensorDataset(*windows), batch_size=32, shuffle=True)

        def loss_of(x, y):
            with torch.autocast("cpu", torch.bfloat16, enabled=arguments.task == "gpt_mixed"):
                return functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
    else:
        model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
        of_each, unit = 1, "rows"
        rows = torch.randn(arguments.samples, 8)
        loader = DataLoader(TensorDataset(rows, rows.sum(1, keepdim=True)), batch_size=256, shuffle=True)

        def loss_of(x, y):
            return functional.mse_loss(model(x), y)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def one_round():
        def epoch():
            for x, y in loader:
                optimizer.zero_grad()
                loss_of(x, y).backward()
                optimizer.step()

        return {unit: arguments.samples * of_each, "seconds": seconds_of(epoch)}

    serve(said, one_round)


if __name__ == "__main__":
    main()
