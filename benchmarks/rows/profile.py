"""Where the time of a step goes, by operator: `unoptimized` at width 16 and `fastest` at width 64."""

import json
import subprocess

TITLE = "Where the time of a step goes"
CASES = (("unoptimized", 16, 2000), ("fastest", 64, 2560))


def measure(bench):
    profiles = []
    for configuration, width, images in CASES:
        done = subprocess.run(
            [bench.program("benchmark_profile"), "--configuration", configuration, "--width", str(width),
             "--images", str(images), "--data", bench.data, "--threads", str(bench.threads)],
            check=True, stdout=subprocess.PIPE, text=True)
        profiles.append({"configuration": configuration, "width": width} | json.loads(done.stdout))
    return {"figures": [], "profiles": profiles}
