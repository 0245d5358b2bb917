"""Muon over the weights of convolutions too, as gradus has it: torch.optim.Muon takes matrices alone."""

import torch


class Muon(torch.optim.Optimizer):
    """Moves `weights` by orthogonal momentum and `others` by an AdamW whose rate keeps its
    proportion. `numbers`: the optimizer in what `describe` prints, rate `original`."""

    def __init__(self, weights, others, numbers):
        super().__init__(weights, {"lr": numbers["lr"], "momentum": numbers["momentum"]})
        self.numbers = numbers
        self.others = torch.optim.AdamW(
            others, lr=numbers["fallback.lr"], eps=numbers["fallback.eps"], fused=True,
            betas=(numbers["fallback.beta1"], numbers["fallback.beta2"]), weight_decay=0)

    @torch.no_grad()
    def step(self):
        group, numbers = self.param_groups[0], self.numbers
        rate, momentum = group["lr"], group["momentum"]
        for other in self.others.param_groups:
            other["lr"] = rate * numbers["fallback.lr"] / numbers["lr"]
        self.others.step()
        for weight in group["params"]:
            kept = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
            kept.lerp_(weight.grad, 1 - momentum)
            update = weight.grad.lerp(kept, momentum) if numbers["nesterov"] else kept
            matrix = update.reshape(len(update), -1)
            scale = max(1, matrix.shape[0] / matrix.shape[1]) ** 0.5
            weight.mul_(1 - rate * numbers["weight_decay"])
            weight.add_(orthogonal(matrix, numbers["newton_schulz_steps"]).reshape(update.shape),
                        alpha=-rate * scale)

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        self.others.zero_grad(set_to_none)


def orthogonal(matrix, steps):
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / x.norm().clamp_min(1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return (x.T if tall else x).to(matrix.dtype)
