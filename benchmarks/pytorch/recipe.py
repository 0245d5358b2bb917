"""Builds in PyTorch what `gradus-cifar10 describe` prints, so that no number is written twice."""

import json
import pathlib

import torch
from torch import nn

from muon import Muon
from resnet10 import ResNet10

TYPES = {"Float": None, "BFloat16": torch.bfloat16}
NEUTRAL = {"mixing": "NoMixing", "averaging": "NoAveraging", "clipping": "NoClipping",
           "guard": "Guard", "stopping": "AllEpochs", "resolution": "FullResolution",
           "sharing": "NoSharing", "initialization": "AsMade", "execution": "Eager"}
DONE = {"sharing": "ShareEarlyLayer", "initialization": "IdentityStart"}
READ = ("loading", "precision", "accumulation", "optimizer", "schedule", "augmentation", "loss", "layout")


class Recipe:
    def __init__(self, path):
        described = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        self.policies, self.run = described["policies"], described["run"]
        self.device = torch.device(self.run["device"])
        if self.run["precision"] not in TYPES:
            raise SystemExit(f"precision {self.run['precision']} is not built here; expected one of "
                             f"{', '.join(TYPES)}: add it to recipe.py.")
        self.autocast_type = TYPES[self.run["precision"]]
        # PyTorch's own defaults differ from each other: TF32 in convolutions, not in products.
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = self.run["tf32"]
        self.batch_size = self.policies["loading"]["batch_size"]
        self.accumulation = self.policies["accumulation"].get("steps", 1)
        self.alternating = self.policies["augmentation"].get("flip") == "alternating"

    def left_out(self):
        """Policies that the peer does not have."""
        return [policy["policy"] for axis, policy in self.policies.items()
                if axis not in READ and policy["policy"] not in (NEUTRAL.get(axis), DONE.get(axis))]

    def has(self, axis, policy):
        return self.policies[axis]["policy"] == policy

    def model(self):
        torch.manual_seed(self.run["seed"])
        model = ResNet10(self.run["width"])
        if self.has("initialization", "IdentityStart"):
            model.start_as_identity()
        if self.has("sharing", "ShareEarlyLayer"):
            model.share_early_layer()
        return model.to(self.device)

    def optimizer(self, model):
        numbers = self.policies["optimizer"]
        weights = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
        vectors = [parameter for parameter in model.parameters() if parameter.dim() < 2]
        if numbers["policy"] == "Muon" and numbers["rate"] == "original":
            return Muon(weights, vectors, numbers)
        groups = [{"params": list(model.parameters()), "weight_decay": numbers["weight_decay"]}]
        if numbers["decay"] == "weights":
            groups[0]["params"] = weights
            groups.append({"params": vectors, "weight_decay": 0})
        if numbers["policy"] == "AdamW":
            return torch.optim.AdamW(groups, lr=numbers["lr"], eps=numbers["eps"], fused=True,
                                     betas=(numbers["beta1"], numbers["beta2"]))
        if numbers["policy"] == "SGD":
            return torch.optim.SGD(groups, lr=numbers["lr"], momentum=numbers["momentum"])
        raise SystemExit(f"optimizer {numbers['policy']} is not built here; expected AdamW, SGD "
                         "or Muon with the original rate: "
                         "add it to recipe.py.")

    def schedule(self, optimizer, steps):
        numbers = self.policies["schedule"]
        if numbers["policy"] == "Constant":
            return None
        if numbers["policy"] != "OneCycle":
            raise SystemExit(f"schedule {numbers['policy']} is not built here; expected Constant or "
                             "OneCycle: add it to recipe.py.")
        kept = ("max_lr", "pct_start", "div_factor", "final_div_factor", "three_phase",
                "cycle_momentum", "base_momentum", "max_momentum")
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, total_steps=steps,
            anneal_strategy="cos" if numbers["anneal"] == "cosine" else "linear",
            **{key: numbers[key] for key in kept})

    def loss(self):
        return nn.CrossEntropyLoss(label_smoothing=self.policies["loss"]["label_smoothing"])
