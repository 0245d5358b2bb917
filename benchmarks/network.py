"""How long sums over processes take, by size: on loopback, and between network namespaces whose line has a delay
and a rate.

    python3 benchmarks/network.py --build build/benchmark [--ranks N] [--lines DELAY_MS:RATE_MBIT ...]

Lines other than loopback need root, `ip` and /dev/net/tun: this script relays their packets, each after the time
that it takes on such a line, so no queueing discipline of the kernel is needed. Prints a table in Markdown."""

import argparse
import contextlib
import ctypes
import fcntl
import heapq
import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import threading
import time

NAME, NETWORK = "gradus-line", "10.77.0"
LARGEST_PACKET = 60000
TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True)


def open_tun(namespace):
    """The packets of a device within a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/var/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)
    return device


class Lines:
    """A namespace for each rank. A packet leaves its sender at `rate` bits a second, one after the other, and arrives
    `delay` seconds later."""

    def __init__(self, count, delay, rate):
        self.names = [f"{NAME}-{i}" for i in range(count)]
        self.devices = []
        self._delay, self._rate, self._ends = delay, rate, False

    def __enter__(self):
        for number, name in enumerate(self.names):
            ip("netns", "add", name)
            self.devices.append(open_tun(name))
            ip("-n", name, "addr", "add", f"{NETWORK}.{number + 1}/24", "dev", "tun0")
            ip("-n", name, "link", "set", "tun0", "mtu", LARGEST_PACKET, "up")
            ip("-n", name, "link", "set", "lo", "up")
        self._thread = threading.Thread(target=self._relay)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ends = True
        if hasattr(self, "_thread"):
            self._thread.join()
        for device in self.devices:
            os.close(device)
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)

    def _relay(self):
        on_its_way, number = [], 0
        free = {device: 0.0 for device in self.devices}
        poll = select.poll()
        for device in self.devices:
            poll.register(device, select.POLLIN)
        while not self._ends:
            now = time.perf_counter()
            while on_its_way and on_its_way[0][0] <= now:
                _, _, device, packet = heapq.heappop(on_its_way)
                with contextlib.suppress(BlockingIOError):
                    os.write(device, packet)
            wait = on_its_way[0][0] - time.perf_counter() if on_its_way else 0.05
            for device, _ in poll.poll(max(0, int(wait * 1000))):
                with contextlib.suppress(BlockingIOError):
                    for _ in range(16):
                        packet = os.read(device, LARGEST_PACKET + 100)
                        to = packet[19] - 1 if packet[0] >> 4 == 4 else -1
                        if not 0 <= to < len(self.devices):
                            continue
                        free[device] = max(free[device], time.perf_counter()) + len(packet) * 8 / self._rate
                        number += 1
                        heapq.heappush(on_its_way, (free[device] + self._delay, number, self.devices[to], packet))


def measure(program, ranks, address, within=lambda rank: [], interface=None):
    """[bytes, median seconds] of each size."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    processes = []
    for rank in range(ranks):
        variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "MASTER_ADDR": address, "MASTER_PORT": port,
                     "OMP_NUM_THREADS": 1} | ({"GLOO_SOCKET_IFNAME": interface} if interface else {})
        processes.append(subprocess.Popen(
            [*within(rank), "env", *(f"{key}={value}" for key, value in variables.items()), program], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    said = [process.communicate() for process in processes]
    for process, (_, error) in zip(processes, said):
        if process.returncode:
            sys.exit(f"a rank ended with {process.returncode}: {error}")
    return [(line["bytes"], line["seconds"]) for line in map(json.loads, said[0][0].splitlines())]


def in_words(seconds):
    return f"{seconds * 1e6:,.0f} us" if seconds < 1e-3 else f"{seconds * 1e3:,.1f} ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--lines", nargs="*", default=["0.1:1000", "1:1000", "1:100", "10:1000"])
    arguments = parser.parse_args()
    program = (arguments.build / "bin" / "benchmark_all_reduce").resolve()
    columns = {"loopback": dict(measure(program, arguments.ranks, "127.0.0.1"))}
    for line in arguments.lines:
        delay, rate = (float(number) for number in line.split(":"))
        with Lines(arguments.ranks, delay / 1e3, rate * 1e6) as lines:
            found = measure(program, arguments.ranks, f"{NETWORK}.1",
                            within=lambda rank: ["ip", "netns", "exec", lines.names[rank]], interface="tun0")
        columns[f"{delay:g} ms, {rate:,.0f} Mbit/s"] = dict(found)
    print("| bytes | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for size in columns["loopback"]:
        print(f"| {size:,} | " + " | ".join(in_words(column[size]) for column in columns.values()) + " |")


if __name__ == "__main__":
    main()
