"""Writes metrics.json and losses.json beside this file: what scikit-learn, torchmetrics 1.9 and Python PyTorch
2.11 give where gradus must give the same.

    pip install torch==2.11.0 torchmetrics==1.9.0 scikit-learn && python3 tests/parity/make_metrics.py
"""
import json
import pathlib

import numpy
import sklearn
import sklearn.metrics as peer
import torch
import torchmetrics
import torchmetrics.functional as tm

HERE = pathlib.Path(__file__).resolve().parent


def waves(*shape, step=0.7, shift=0.0):
    """Numbers that are exact in float32 and easy to make again: multiples of 1/64."""
    count = int(numpy.prod(shape))
    values = numpy.round(numpy.sin(numpy.arange(count) * step + shift) * 64 * 2) / 64
    return torch.tensor(values, dtype=torch.float32).reshape(shape)


def same(a, b, what):
    """scikit-learn and torchmetrics must agree before either is recorded."""
    a, b = numpy.asarray(a, dtype=float), numpy.asarray(b, dtype=float)
    assert numpy.allclose(a, b, rtol=1e-5, atol=1e-6), (what, a, b)
    return a.tolist()


def classes():
    """60 samples of 5 classes, of which one is never meant and one never answered; 6 are ignored."""
    scores = waves(60, 5)
    scores[:, 4] -= 8
    target = torch.tensor([(k * 7 + k // 3) % 4 for k in range(60)])
    target[::10] = -100
    kept = target != -100
    answer, meant = scores[kept].argmax(1).numpy(), target[kept].numpy()
    found = {}
    for average in ("macro", "micro"):
        options = {"average": average, "zero_division": 0}
        arguments = {"num_classes": 5, "average": average, "ignore_index": -100}
        for name, of_peer, of_tm in (
                ("precision", peer.precision_score, tm.classification.multiclass_precision),
                ("recall", peer.recall_score, tm.classification.multiclass_recall),
                ("f1", peer.f1_score, tm.classification.multiclass_f1_score)):
            found[f"{name}_{average}"] = same(of_peer(meant, answer, **options),
                                              of_tm(scores, target, **arguments), name + average)
    found["accuracy"] = same(peer.accuracy_score(meant, answer), tm.classification.multiclass_accuracy(
        scores, target, num_classes=5, average="micro", ignore_index=-100), "accuracy")
    found["top2"] = same(peer.top_k_accuracy_score(meant, scores[kept].numpy(), k=2, labels=range(5)),
                         tm.classification.multiclass_accuracy(scores, target, num_classes=5, average="micro",
                                                               top_k=2, ignore_index=-100), "top2")
    found["confusion_matrix"] = same(
        peer.confusion_matrix(meant, answer, labels=range(5)).flatten(),
        tm.classification.multiclass_confusion_matrix(scores, target, num_classes=5, ignore_index=-100).flatten(),
        "confusion")
    # One against the rest, over the classes that are meant at all.
    chance = scores.softmax(1)[kept].double()
    each = [peer.roc_auc_score(meant == k, chance[:, k].numpy()) for k in range(4)]
    of_tm = tm.classification.multiclass_auroc(scores.double().softmax(1), target, num_classes=5, average=None,
                                               ignore_index=-100)
    found["auroc"] = float(numpy.mean(same(each, of_tm[:4], "auroc")))
    found["perplexity"] = tm.text.perplexity(scores.reshape(6, 10, 5), target.reshape(6, 10),
                                             ignore_index=-100).item()
    return found


def labels():
    """40 samples of 3 labels, each a yes or no of its own; the last label is never meant."""
    scores = waves(40, 3, step=0.9)
    target = (waves(40, 3, step=1.7, shift=1.0) > 0.5).long()
    target[:, 2] = 0
    answer, meant = (scores > 0).numpy(), target.numpy()
    found = {}
    for average in ("macro", "micro"):
        options = {"average": average, "zero_division": 0}
        for name, of_peer, of_tm in (
                ("precision", peer.precision_score, tm.classification.multilabel_precision),
                ("recall", peer.recall_score, tm.classification.multilabel_recall),
                ("f1", peer.f1_score, tm.classification.multilabel_f1_score)):
            found[f"{name}_{average}"] = same(of_peer(meant, answer, **options),
                                              of_tm(scores, target, num_labels=3, average=average), name + average)
    found["accuracy"] = same((answer == meant).mean(), tm.classification.multilabel_accuracy(
        scores, target, num_labels=3, average="micro"), "accuracy")
    chance = scores.double().sigmoid()
    each = [peer.roc_auc_score(meant[:, k], chance[:, k].numpy()) for k in range(2)]
    of_tm = tm.classification.multilabel_auroc(chance, target, num_labels=3, average=None)
    found["auroc"] = float(numpy.mean(same(each, of_tm[:2], "auroc")))
    return found


def regression():
    output, target = waves(50, 2), waves(50, 2, step=0.71) + 3
    return {
        "mean_absolute_error": same(peer.mean_absolute_error(target, output),
                                    tm.mean_absolute_error(output, target), "mae"),
        "mean_squared_error": same(peer.mean_squared_error(target, output),
                                   tm.mean_squared_error(output, target), "mse"),
        "r2": same(peer.r2_score(target, output), tm.r2_score(output, target), "r2"),
    }


def losses():
    """Value and the gradient of the outputs, flat."""
    functional = torch.nn.functional

    def of(loss, *shape):
        output = waves(*shape).requires_grad_()
        value = loss(output)
        value.backward()
        return {"value": value.item(), "gradient": output.grad.flatten().tolist()}

    near = waves(12, 3, step=0.3)
    classes_of = torch.tensor([(k * 5) % 3 for k in range(12)])
    classes_of[4] = -100
    weights = torch.tensor([0.5, 2.0, 1.25])
    yes = (waves(12, 3, step=1.3) > 0).float()
    parts = (waves(12, 3, step=0.4) / 2).softmax(1)
    return {
        "squared_error": of(lambda x: functional.mse_loss(x, near), 12, 3),
        "absolute_error": of(lambda x: functional.l1_loss(x, near), 12, 3),
        "huber": of(lambda x: functional.huber_loss(x, near, delta=0.75), 12, 3),
        "binary_cross_entropy": of(lambda x: functional.binary_cross_entropy_with_logits(x, yes), 12, 3),
        "binary_cross_entropy_weighted": of(
            lambda x: functional.binary_cross_entropy_with_logits(x, yes, pos_weight=weights), 12, 3),
        "weighted_cross_entropy": of(
            lambda x: functional.cross_entropy(x, classes_of, weight=weights, label_smoothing=0.1), 12, 3),
        "kl_divergence": of(lambda x: functional.kl_div(x.log_softmax(1), parts, reduction="batchmean"), 12, 3),
        "negative_log_likelihood": of(lambda x: functional.nll_loss(x.log_softmax(1), classes_of), 12, 3),
    }


def write(name, found):
    made_by = f"torch {torch.__version__}, torchmetrics {torchmetrics.__version__}, scikit-learn {sklearn.__version__}"
    (HERE / name).write_text(json.dumps({"made_by": made_by, **found}, indent=1) + "\n", encoding="utf-8")


write("metrics.json", {"classes": classes(), "labels": labels(), "regression": regression()})
write("losses.json", losses())
