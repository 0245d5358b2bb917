"""What stands beside every result: machine, versions, commit, day."""

import datetime
import os
import pathlib
import platform
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
NATIVE_TYPES = {"avx2": "float32 (AVX2)", "avx512f": "float32 (AVX-512)",
                "avx512_bf16": "bfloat16 (AVX512-BF16)", "amx_bf16": "bfloat16 (AMX)",
                "avx512_fp16": "float16 (AVX512-FP16)", "amx_fp16": "float16 (AMX)", "bf16": "bfloat16 (Arm)"}
VARIABLES = ("OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES", "KMP_AFFINITY", "GOMP_CPU_AFFINITY",
             "LD_PRELOAD", "MALLOC_CONF", "GLIBC_TUNABLES", "ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")


def _processor():
    """Its name and the instruction sets it has."""
    name, flags = platform.machine(), []
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        if key.strip() in ("flags", "Features"):
            flags = value.split()
    return name, [meaning for flag, meaning in NATIVE_TYPES.items() if flag in flags]


def _gpu():
    if not shutil.which("nvidia-smi"):
        return None
    asked = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
                           capture_output=True, text=True, check=False)
    return asked.stdout.strip() or None


def commit():
    """With "-dirty" if anything but documents differs from it."""
    def git(*words):
        return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True,
                              check=False).stdout.strip()
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return git("rev-parse", "HEAD") + ("-dirty" if changed else "")


def environment(threads):
    name, types = _processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            "commit": commit(), "processor": name, "cores": len(os.sched_getaffinity(0)),
            "threads": threads, "native_types": types, "gpu": _gpu(),
            "memory_gib": round(memory / 2**30, 1), "system": platform.platform(),
            "load_before": round(os.getloadavg()[0], 2),
            "variables": {key: os.environ[key] for key in VARIABLES if key in os.environ}}
