#!/usr/bin/env bash
# Gradient accumulation over 4 batches in two epochs of 6, by Ignite and by Keras on torch; each batch
# moves the weight by -1/4.
# One would expect: the end of an epoch closes the window, and its two batches make a step before
#   validation.
# What happens: no step is made there. The two wait for the first two batches of the next epoch; after 12
#   batches there are 3 steps, not 4. Validation after the first epoch sees a model without its last
#   third, and gradients of the old epoch's weights join those of the new one. At the end of a run an open
#   window would be lost.
# Why: both count steps over the whole run, modulo 4.
# gradus closes the window at the end of the epoch, and divides by what counts in it.
#
# Seen with torch==2.15.0, pytorch-ignite==0.5.5, keras==3.15.1 (2026-11-27):
#   ignite: steps behind batches [4, 8, 12], weight in the end -3.0
#   keras: steps behind batches [4, 8, 12], weight in the end -3.0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6 pytorch-ignite==0.5.5 keras==3.15.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import os, sys, tempfile

home = tempfile.TemporaryDirectory()
os.environ["KERAS_HOME"] = home.name
os.environ["KERAS_BACKEND"] = "torch"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
import numpy
import torch
from ignite.engine import Events, create_supervised_trainer


def with_ignite():
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    engine = create_supervised_trainer(model, optimizer, lambda y, _: y.mean(), gradient_accumulation_steps=4)
    weights = []
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: weights.append(model.weight.item()))
    engine.run([(torch.ones(1, 1), torch.zeros(1))] * 6, max_epochs=2)
    return weights


def with_keras():
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((1,)), dense])
    optimizer = keras.optimizers.SGD(1.0, gradient_accumulation_steps=4)
    model.compile(optimizer=optimizer, loss=lambda _, y: keras.ops.mean(y))
    weights = []

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            weights.append(float(dense.get_weights()[0][0, 0]))

    ones = numpy.ones((6, 1))
    model.fit(ones, 0 * ones, batch_size=1, epochs=2, shuffle=False, verbose=0, callbacks=[Note()])
    return weights


lines = []
for name, weights in (("ignite", with_ignite()), ("keras", with_keras())):
    steps = [i + 1 for i in range(12) if weights[i] != (weights[i - 1] if i else 0.0)]
    lines.append(f"{name}: steps behind batches {steps}, weight in the end {weights[-1]}")
seen = "\n".join(lines)

print(seen)
known = """\
ignite: steps behind batches [4, 8, 12], weight in the end -3.0
keras: steps behind batches [4, 8, 12], weight in the end -3.0"""
if seen != known:
    sys.exit(f"different now; this was seen:\n{known}")
PYTHON
