"""Rewrites the tables of docs/performance.md from the figures in docs/results/performance, and those of
single machines likewise. What stands between `<!-- made: NAME -->` and `<!-- end -->` is made here; all
else in a page is written by hand."""

import importlib
import json
import re
import sys

import rows
from environment import ROOT

RESULTS = ROOT / "docs" / "results" / "performance"
PAGE = ROOT / "docs" / "performance.md"
PAGES = {PAGE: RESULTS, RESULTS.parent / "2026-11-29-amx.md": RESULTS.parent / "performance-amx",
         RESULTS.parent / "2026-11-30-processes.md": RESULTS.parent / "performance-processes"}
MOST_OPERATORS = 14  # of a profile; the others in one line

FORMATS = {"times": "{:.2f}×", "of 1": "{:.3f}", "images/s": "{:,.0f}", "MiB": "{:,.0f}", "error": "{:.1e}",
           "s": "{:,.1f}", "GFLOP/s": "{:,.0f}"}


def shown(value, unit):
    return f"{100 * value:.2f} %" if unit == "%" else FORMATS[unit].format(value)


def target_of(figure):
    """Such as "≥ 1.20×"; nothing for a figure that is only told."""
    for key, sign in (("at_least", "≥"), ("at_most", "≤")):
        if figure[key] is not None:
            return f"{sign} {shown(figure[key], figure['unit'])}"
    return ""


def cells_of(figure):
    unit = figure["unit"]
    spread = f"{shown(figure['least'], unit)} to {shown(figure['most'], unit)}"
    return [figure["what"], shown(figure["value"], unit),
            spread if len(figure["values"]) > 1 else "one run", str(len(figure["values"])),
            target_of(figure), {True: "yes", False: "**no**", None: ""}[figure["met"]]]


def line_of(figure):
    what, value, spread, _, target, met = cells_of(figure)
    return f"{what}: {value} ({spread})" + (f", target {target}: {met}" if target else "")


def table(head, align, lines):
    text = ["| " + " | ".join(head) + " |", "|" + "|".join(align) + "|"]
    return "\n".join(text + ["| " + " | ".join(line) + " |" for line in lines])


def row_of(name):
    return importlib.import_module(f"rows.{name}")


def flags_of(name):
    long = "--long " if hasattr(row_of(name), "train") else ""
    return f"{long}--only {name}"


# Rows that were measured in another run, which has its own page.
ELSEWHERE = {"distributed": "[measured apart](results/2026-11-30-processes.md)"}


def targets(results, names=None):
    """Of all rows, measured or not."""
    lines = []
    for name in rows.NAMES if names is None else names:
        flags = f"`{flags_of(name)}`"
        if name in results:
            lines += [[row_of(name).TITLE, *cells_of(figure), flags]
                      for figure in results[name]["figures"] if target_of(figure)]
        elif name not in rows.WITHOUT_TARGET:
            lines.append([row_of(name).TITLE, "", ELSEWHERE.get(name, "not measured yet"), "", "", "", "", flags])
    return table(["row", "figure", "median", "least to most", "rounds", "target", "met",
                  "`python3 benchmarks/run.py`"],
                 ["---", "---", "---:", "---:", "---:", "---:", "---", "---"], lines)


def measured_targets(results):
    return targets(results, list(results))


def other_figures(results):
    lines = [[result["title"], *cells_of(figure)[:4]] for result in results.values()
             for figure in result["figures"] if not target_of(figure)]
    return table(["row", "figure", "median", "least to most", "rounds"],
                 ["---", "---", "---:", "---:", "---:"], lines)


# Policies that change nothing, so that a peer lacks nothing without them.
NEUTRAL = ("Supervised", "NoFreezing", "Shuffle", "LibraryKernels", "Eager")


def questions(results):
    lines = []
    for name in rows.NAMES:
        notes = []
        for peer in results.get(name, {}).get("peers", []):
            facts = peer["facts"]
            if "workers" in facts:
                notes.append(f"{peer['name']}: {facts['workers']} workers")
            left_out = [policy for policy in facts.get("left_out", ()) if policy not in NEUTRAL]
            if left_out:
                notes.append(f"{peer['name']} without {', '.join(left_out)}")
        question = " ".join(row_of(name).__doc__.split())
        lines.append(f"- `{name}`: {question}" + (f" Here: {'; '.join(notes)}." if notes else ""))
    return "\n".join(lines)


VERSIONS = ("gradus", "libtorch", "compiler", "flags", "torch", "torchvision", "python")


def versions_of(all_facts):
    return ", ".join(dict.fromkeys(f"{key} {facts[key]}" for facts in all_facts for key in VERSIONS
                                   if key in facts))


def facts_table(lines):
    return table(["", ""], ["---", "---"], [line for line in lines if line[1]])


def measured_here(results, names):
    """Of rows that share machine and commit."""
    facts = [results[name]["environment"] for name in names]
    first, loads = facts[0], [each["load_before"] for each in facts]
    peers = [peer["facts"] for name in names for peer in results[name].get("peers", [])]
    return facts_table([
        ["rows", ", ".join(f"`{name}`" for name in names)],
        ["measured", ", ".join(sorted({each["date"] for each in facts}))],
        ["commit", f"`{first['commit']}`"],
        ["processor", f"{first['processor']}, {first['cores']} cores, {first['memory_gib']} GiB, "
                      f"{first['system']}"],
        ["native types", ", ".join(first["native_types"])],
        ["GPU", first["gpu"] or "none"],
        ["threads of each peer", str(first["threads"])],
        ["versions", versions_of(peers)],
        ["load before a row", f"{min(loads)} to {max(loads)}"],
        ["variables", ", ".join(f"`{key}={value}`" for key, value in first["variables"].items())]])


def trained_elsewhere(name, runs):
    """Of a long row, whose runs say themselves what made them."""
    one = runs[-1]
    return facts_table([
        ["row", f"`{name}`"],
        ["commits", ", ".join(dict.fromkeys(f"`{run['commit']}`" for run in runs))],
        ["commands", ", ".join(dict.fromkeys(f"`{run['command']}`" for run in runs))],
        ["processor", f"{one['processor']}, {one['cores']} cores"],
        ["native bfloat16", "yes" if one["native_bfloat16"] else "no"],
        ["device, threads", f"{one['device']}, {one['threads']}"],
        ["versions", versions_of(runs)],
        ["data, MD5 of all records", f"`{one['data_md5']}`"]])


def environments(results):
    together = {}
    for name, result in results.items():
        if here := result.get("environment"):
            key = json.dumps({k: v for k, v in here.items() if k not in ("load_before", "date")})
            together.setdefault(key, []).append(name)
    tables = [measured_here(results, names) for names in together.values()]
    tables += [trained_elsewhere(name, result["runs"]) for name, result in results.items()
               if "runs" in result]
    return "\n\n".join(tables)


def profiles(results):
    parts = []
    for profile in results.get("profile", {}).get("profiles", []):
        seconds, steps = profile["seconds"], max(profile["optimizer_steps"], 1)
        operators = profile["operators"]
        inside = sum(operator["seconds"] for operator in operators)
        rest = operators[MOST_OPERATORS:]
        lines = [[f"`{o['name']}`", f"{o['calls'] / steps:,.1f}", o["seconds"]]
                 for o in operators[:MOST_OPERATORS]]
        lines.append([f"{len(rest)} other operators",
                      f"{sum(o['calls'] for o in rest) / steps:,.1f}", sum(o["seconds"] for o in rest)])
        lines.append(["waiting for data", "", profile["waiting_seconds"]])
        lines.append(["outside of operators", "", max(seconds - inside - profile["waiting_seconds"], 0)])
        parts.append(f"`{profile['configuration']}`, width {profile['width']}: {profile['images']:,} images "
                     f"in {steps:,} steps, {1000 * seconds / steps:,.1f} ms a step\n\n" + table(
                         ["operator", "calls a step", "µs an image", "share"],
                         ["---", "---:", "---:", "---:"],
                         [[name, calls, f"{1e6 * own / profile['images']:,.1f}",
                           f"{100 * own / seconds:.1f} %"] for name, calls, own in lines]))
    return "\n\n".join(parts)


def levers(results):
    ablation = results.get("levers", {}).get("ablation")
    if not ablation:
        return ""
    lines = []
    for left in ablation["left_out"]:
        gain = left["accuracy_contributed"]
        several = len(gain["values"]) > 1
        lines.append([f"{left['policy']} ({left['axis']})", f"{left['time_ratio']['mean']:.2f}×",
                      f"{100 * gain['mean']:+.2f}",
                      f"{100 * gain['deviation']:.2f}" if several else "one seed"])
    return table(["policy", "time without it", "accuracy that it adds, points", "± over seeds"],
                 ["---", "---:", "---:", "---:"], lines)


PARTS = {"targets": targets, "measured_targets": measured_targets, "figures": other_figures,
         "questions": questions, "environment": environments, "profiles": profiles, "levers": levers}


def made(results_folder, page):
    """The text of `page` with its tables made again."""
    results = {name: json.loads(path.read_text(encoding="utf-8")) for name in rows.NAMES
               if (path := results_folder / f"{name}.json").is_file()}

    def part(match):
        body = PARTS[match[1]](results) or "Not measured yet."
        return f"<!-- made: {match[1]} -->\n\n{body}\n\n<!-- end -->"

    return re.sub(r"<!-- made: (\w+) -->\n.*?<!-- end -->", part, page.read_text(encoding="utf-8"),
                  flags=re.DOTALL)


def rewrite(results_folder=RESULTS, page=PAGE):
    page.write_text(made(results_folder, page if page.is_file() else PAGE), encoding="utf-8")


if __name__ == "__main__":
    for shown_on, folder in PAGES.items():
        if sys.argv[1:] != ["--check"]:
            rewrite(folder, shown_on)
        elif made(folder, shown_on) != shown_on.read_text(encoding="utf-8"):
            sys.exit(f"{shown_on} does not show the figures in {folder}; run benchmarks/page.py.")
