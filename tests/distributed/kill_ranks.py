"""Kills or stops one of three processes that train, again and again, and resumes them each time.

    python3 tests/distributed/kill_ranks.py BUILD_FOLDER [TIMES]

The others must end with code 8 and a sentence that names the rank, soon enough; and what comes out in the end must
have the bits of a run that nobody has killed. Exits with 1 if not."""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

RANKS, TIMEOUT = 3, 8
RUN = ["epochs=3000", "norm=1", "dropout=0.3", "workers=0", f"timeout={TIMEOUT}"]


def start(program, *more):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {"WORLD_SIZE": RANKS, "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
    return [subprocess.Popen([program, *RUN, *more], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={
        **os.environ, **{key: str(value) for key, value in (variables | {"RANK": rank, "LOCAL_RANK": rank}).items()}})
        for rank in range(RANKS)]


def weights_of(processes):
    said = [process.communicate() for process in processes]
    for process, (_, error) in zip(processes, said):
        if process.returncode:
            sys.exit(f"a rank ended with {process.returncode}: {error}")
    return json.loads(said[0][0][said[0][0].index("{"):])["weights"]


def main():
    program = pathlib.Path(sys.argv[1]) / "bin" / "distributed_trained_rank"
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    chance = random.Random(0)
    wanted = weights_of(start(program))
    slowest, counts = 0.0, {signal.SIGKILL: 0, signal.SIGSTOP: 0}
    with tempfile.TemporaryDirectory() as folder:
        saved = f"folder={folder}/run"
        for number in range(times):
            ranks = start(program, saved, "slow=1")
            time.sleep(chance.uniform(0, 2.5))  # before they have met, too
            victim, how = chance.choice(ranks), chance.choice([signal.SIGKILL] * 4 + [signal.SIGSTOP])
            name = f"rank {ranks.index(victim)}"
            victim.send_signal(how)
            counts[how] += 1
            begin = time.monotonic()
            for rank in ranks:
                if rank is victim:
                    continue
                _, error = rank.communicate(timeout=3 * TIMEOUT)
                if rank.returncode != 8 or str(ranks.index(victim)) not in error:
                    sys.exit(f"{number}: {how.name} of {name}: another one ended with {rank.returncode}: {error}")
            slowest = max(slowest, time.monotonic() - begin)
            victim.kill()
            victim.communicate()
        found = weights_of(start(program, saved))
    print(f"{times} times one of {RANKS} processes ended ({counts[signal.SIGKILL]} killed, {counts[signal.SIGSTOP]} "
          f"stopped): the others followed within {slowest:.1f} s, at a timeout of {TIMEOUT} s")
    if found != wanted:
        sys.exit("the weights differ from those of a run that nobody has killed")
    print("in the end the bits are those of a run that nobody has killed")


if __name__ == "__main__":
    main()
