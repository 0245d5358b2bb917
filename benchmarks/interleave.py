"""Peers that take turns: each is a process that holds its warm state and does a round on request, so
that what slows the machine slows all of them."""

import json
import os
import statistics
import subprocess
import sys


class Peer:
    """A process that first says what it is and then answers each line with the figures of a round."""

    def __init__(self, name, command):
        self.name = name
        self.rounds = []
        self._process = subprocess.Popen([str(word) for word in command], text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.facts = self._read()

    def round(self):
        print(file=self._process.stdin, flush=True)
        self.rounds.append(self._read())
        return self.rounds[-1]

    def values(self, key):
        return [figures[key] for figures in self.rounds]

    def rates(self, unit="images"):
        """So many of `unit` a second, by round."""
        return [figures[unit] / figures["seconds"] for figures in self.rounds]

    def close(self):
        self._process.stdin.close()
        self._process.wait()

    def to_json(self):
        return {"name": self.name, "facts": self.facts, "rounds": self.rounds}

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with code {self._process.wait()} before its round was done; "
                     "what it said stands above.")
        return json.loads(line)


def take_turns(peers, rounds, unit="images"):
    """A B, B A, A B ... Ends the peers."""
    for number in range(rounds):
        for peer in peers if number % 2 == 0 else reversed(peers):
            peer.round()
        say(f"  round {number + 1} of {rounds}: " + ", ".join(
            f"{peer.name} {peer.rates(unit)[-1]:,.0f} {unit}/s" for peer in peers))
    for peer in peers:
        peer.close()


def over(numerators, denominators):
    """Ratios, by round."""
    return [n / d for n, d in zip(numerators, denominators, strict=True)]


def figure(what, values, unit, *, at_least=None, at_most=None, middle=statistics.median):
    """What is shown: the middle of all rounds, their spread and whether the target is met."""
    value = middle(values)
    met = None
    if at_least is not None:
        met = value >= at_least
    if at_most is not None:
        met = value <= at_most
    return {"what": what, "unit": unit, "value": value, "least": min(values), "most": max(values),
            "values": values, "at_least": at_least, "at_most": at_most, "met": met}


def rate_figures(peers):
    return [figure(f"{peer.name}, images/s", peer.rates(), "images/s") for peer in peers]


def say(line):
    print(line, file=sys.stderr, flush=True)


def threads_here():
    return len(os.sched_getaffinity(0))
