"""Checkpoints of gradus in Python: the file, and ResNet10 with its optimizer as PyTorch has them. Needs
torch and numpy."""

import json
import struct

import numpy
import torch
from torch import nn

TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
         "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
         "U8": torch.uint8, "BOOL": torch.bool}
NAMES = {kind: name for name, kind in TYPES.items()}


def read(path):
    """Tensors by name, in file order, and the metadata without its checksums."""
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        kind = TYPES[entry["dtype"]]
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=kind) if end > begin \
            else torch.empty(0, dtype=kind)
        tensors[name] = flat.reshape(entry["shape"])
    metadata.pop("crc32c", None)
    metadata.pop("header_crc32c", None)
    return tensors, metadata


def write(path, tensors, metadata):
    """With the checksums that gradus asks of a run (docs/durability.md)."""
    header, sums, values = {"__metadata__": dict(metadata)}, {}, []
    begin = 0
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [begin, begin + len(value)]}
        sums[name] = f"{crc32c(value):08x}"
        values.append(value)
        begin += len(value)
    header["__metadata__"]["crc32c"] = json.dumps(sums, separators=(",", ":"))
    header["__metadata__"]["header_crc32c"] = "0" * 8
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    head = struct.pack("<Q", len(text)) + text
    mark = b'"header_crc32c":"'
    at = head.index(mark) + len(mark)
    head = head[:at] + f"{crc32c(head):08x}".encode() + head[at + 8:]
    with open(path, "wb") as file:
        file.write(head + b"".join(values))


def _over_zero_bytes(count):
    """The linear map of a checksum over so many zero bytes, as the images of its 32 bits."""
    step = [0x82F63B78] + [1 << bit for bit in range(31)]  # over one zero bit

    def times(matrix, vector):
        product = 0
        for bit in range(32):
            if vector >> bit & 1:
                product ^= matrix[bit]
        return product

    result, bits = [1 << bit for bit in range(32)], 8 * count
    while bits:
        if bits & 1:
            result = [times(step, column) for column in result]
        step = [times(step, column) for column in step]
        bits >>= 1
    return lambda vector: times(result, vector)


def crc32c(data):
    """CRC-32C of `data`: many stripes side by side, then put together."""
    table = numpy.arange(256, dtype=numpy.uint32)
    for _ in range(8):
        table = numpy.where(table & 1, (table >> 1) ^ numpy.uint32(0x82F63B78), table >> 1)
    stripes = max(1, min(4096, len(data) // 64))
    length = len(data) // stripes
    columns = numpy.frombuffer(data, dtype=numpy.uint8, count=stripes * length)
    sums = numpy.zeros(stripes, dtype=numpy.uint32)
    sums[0] = 0xFFFFFFFF
    for column in columns.reshape(stripes, length).T:
        sums = table[(sums ^ column) & 0xFF] ^ (sums >> 8)
    over, total = _over_zero_bytes(length), 0
    for part in sums.tolist():
        total = over(total) ^ part
    for byte in data[stripes * length:]:
        total = int(table[(total ^ byte) & 0xFF]) ^ (total >> 8)
    return total ^ 0xFFFFFFFF


class BasicBlock(nn.Module):
    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.projection = self.projection_norm = None
        if stride != 1 or inputs != channels:
            self.projection = nn.Conv2d(inputs, channels, 1, stride, bias=False)
            self.projection_norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        inner = torch.relu(self.norm1(self.conv1(x)))
        shortcut = x if self.projection is None else self.projection_norm(self.projection(x))
        return torch.relu(self.norm2(self.conv2(inner)) + shortcut)


class ResNet10(nn.Module):
    """As include/gradus/model/resnet10.hpp, with its names."""

    def __init__(self, width, shared=False):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        self.stage1 = BasicBlock(width, width, 1)
        self.stage2 = BasicBlock(width, 2 * width, 2)
        self.stage3 = BasicBlock(2 * width, 4 * width, 2)
        self.stage4 = BasicBlock(4 * width, 8 * width, 2)
        self.head = nn.Linear(8 * width, 10)
        if shared:
            self.stage1.conv2.weight = self.stage1.conv1.weight

    def forward(self, images):
        x = torch.relu(self.stem_norm(self.stem(images)))
        x = self.stage4(self.stage3(self.stage2(self.stage1(x))))
        return self.head(x.mean((2, 3)))


def built(description):
    """Model and optimizer of a description, as `gradus-cifar10 describe` prints it."""
    policies = description["policies"]
    model = ResNet10(description["run"]["width"], policies["sharing"]["policy"] == "ShareEarlyLayer")
    own = policies["optimizer"]
    decayed = [p for p in model.parameters() if own["decay"] == "all" or p.dim() > 1]
    kept = [p for p in model.parameters() if not (own["decay"] == "all" or p.dim() > 1)]
    groups = [{"params": decayed, "weight_decay": own["weight_decay"]}]
    if kept:
        groups.append({"params": kept, "weight_decay": 0.0})
    if own["policy"] == "AdamW":
        return model, torch.optim.AdamW(groups, lr=own["lr"], betas=(own["beta1"], own["beta2"]),
                                        eps=own["eps"])
    if own["policy"] == "SGD":
        return model, torch.optim.SGD(groups, lr=own["lr"], momentum=own["momentum"],
                                      dampening=own["dampening"], nesterov=own["nesterov"])
    raise SystemExit(f"the optimizer {own['policy']} has no counterpart here; export its weights alone")


#: What gradus calls the state of an optimizer for a parameter, and what PyTorch does.
STATES = {"AdamW": {"first_moment": "exp_avg", "second_moment": "exp_avg_sq", "steps": "step"},
          "SGD": {"velocity": "momentum_buffer"}}


def description_of(metadata):
    """Of a run, or of weights alone."""
    if "gradus" in metadata:
        return json.loads(metadata["gradus"])["description"]
    return json.loads(metadata["configuration"])
