"""Nets, data and first weights that both sides of the parity tests make from the same formulas."""
import pathlib

import torch
from torch import nn

DATA = pathlib.Path(__file__).parents[2] / "examples/cifar10/data/cifar-10-subset-bin"
RECORD = 1 + 3 * 32 * 32


def images(file, count):
    """The first records of a CIFAR-10 file: [N, 3, 32, 32] in [-0.5, 0.5), exact in float32, and labels."""
    records = torch.frombuffer(bytearray((DATA / file).read_bytes()[: count * RECORD]), dtype=torch.uint8)
    records = records.reshape(count, RECORD)
    pixels = records[:, 1:].reshape(count, 3, 32, 32).to(torch.float32) / 256 - 0.5
    return pixels, records[:, 0].to(torch.int64)


def thumbnails(pixels):
    """[N, 192]: means of 4 x 4 pixels, exact in float32."""
    return pixels.reshape(-1, 3, 8, 4, 8, 4).sum((3, 5)).div(16).reshape(-1, 192)


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(192, 16)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.hidden(x).tanh())


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(16)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = self.norm1(self.conv1(x)).relu()
        return self.head(self.norm2(self.conv2(x)).relu().mean((2, 3)))


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.projects = stride != 1 or before != after
        if self.projects:
            self.projection = nn.Conv2d(before, after, 1, stride=stride, bias=False)
            self.projection_norm = nn.BatchNorm2d(after)

    def forward(self, x):
        shortcut = self.projection_norm(self.projection(x)) if self.projects else x
        return (self.norm2(self.conv2(self.norm1(self.conv1(x)).relu_())).add_(shortcut)).relu_()


class ResNet10(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        self.stage1 = Block(width, width, 1)
        self.stage2 = Block(width, 2 * width, 2)
        self.stage3 = Block(2 * width, 4 * width, 2)
        self.stage4 = Block(4 * width, 8 * width, 2)
        self.head = nn.Linear(8 * width, 10)

    def forward(self, x):
        x = self.stem_norm(self.stem(x)).relu_()
        x = self.stage4(self.stage3(self.stage2(self.stage1(x))))
        return self.head(x.mean((2, 3)))


def start(net):
    """Weights of two dimensions or more by a formula; norms and biases as PyTorch makes them, biases 0."""
    with torch.no_grad():
        for number, parameter in enumerate(net.parameters()):
            if parameter.dim() < 2:
                parameter.fill_(1.0 if name_of(net, parameter).endswith("weight") else 0.0)
                continue
            index = torch.arange(parameter.numel(), dtype=torch.int64)
            unit = ((index * 2654435761 + (number + 1) * 40503) % 4294967296).to(torch.float64) / 4294967296
            # Hashed twice, for neighbours must not lie on a line.
            unit = (unit * 12289.5) % 1.0
            bound = (3.0 / (parameter.numel() / parameter.size(0))) ** 0.5
            parameter.copy_(((unit * 2 - 1) * bound).reshape(parameter.shape).to(torch.float32))
    return net


def name_of(net, wanted):
    return next(name for name, parameter in net.named_parameters() if parameter is wanted)
