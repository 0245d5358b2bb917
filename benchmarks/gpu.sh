#!/usr/bin/env bash
# What only a GPU can tell, in 9 minutes at most: each part has its time, and one that fails or runs out of it
# does not stop the next. Prints what came of them; all figures lie in the folder OUT.
#
#   cmake --preset demo && cmake --build --preset demo --target gradus-cifar10
#   benchmarks/gpu.sh [OUT] [PROGRAM]      # runs/gpu build/demo/bin/gradus-cifar10
#
# The data is that of the program: GRADUS_CIFAR10, or what it has downloaded.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:-runs/gpu}
program=${2:-build/demo/bin/gradus-cifar10}
mkdir -p "$out"

# part SECONDS NAME ARGUMENT...: `gradus-cifar10 ARGUMENT...`, whose files lie in OUT/NAME.
part() {
  local seconds=$1 name=$2
  shift 2
  local begun=$SECONDS
  timeout "$seconds" "$program" "$@" --device cuda --out "$out/$name" --json --quiet \
    >"$out/$name.json" 2>"$out/$name.err"
  local code=$?
  echo "$name: exit $code after $((SECONDS - begun)) s"
  [ $code -eq 0 ] || tail -n 3 "$out/$name.err"
}

part 90 selfcheck selfcheck
for seed in 0 1 2; do
  part 25 "seed$seed" compare optimized fastest --epochs 5 --seed "$seed"
done
for math in fused-norms cudnn-benchmark tf32; do
  part 25 "$math" compare optimized fastest --epochs 5 "--$math" true
done
part 20 batch512 train fastest --epochs 5 --set loading.batch_size=512 --set accumulation.steps=1
part 60 ablate ablate fastest --epochs 3 # without CapturedStep, without Resident, ...
part 60 unoptimized train unoptimized --epochs 1
for epochs in 12 18 24; do # the fewest whose mean reaches 94 %
  part 45 "record$epochs" compare record --epochs "$epochs" --seeds 5
done
for weights in "$out"/record18/record/seed-*/checkpoints/final.safetensors; do # with mirror images beside
  timeout 5 "$program" evaluate "$weights" --flip --device cuda --quiet
done

python3 - "$out" <<'PYTHON'
import json, pathlib, sys
print("| part | configuration | test accuracy | training time | images/s | of matmul rate |\n|---|---|---:|---:|---:|---:|")
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    try:
        found = json.loads(file.read_text())
    except ValueError:
        continue
    for run in found.get("comparison", found).get("runs", []):
        share = f"{run['utilization']:.1%}" if run["utilization"] else "-"
        print(f"| {file.stem} | {run['name']} | {run['test_accuracy']:.2%} | {run['train_seconds']:.1f} s "
              f"| {run['images_per_second']:,.0f} | {share} |")
PYTHON
