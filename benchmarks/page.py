"""Rewrites the tables of docs/performance.md from the figures in docs/results/performance. What stands
between `<!-- made: NAME -->` and `<!-- end -->` is made here; all else in the page is written by hand."""

import importlib
import json
import re

import rows
from environment import ROOT

RESULTS = ROOT / "docs" / "results" / "performance"
PAGE = ROOT / "docs" / "performance.md"
MOST_OPERATORS = 14  # of a profile; the others in one line

FORMATS = {"times": "{:.2f}×", "of 1": "{:.3f}", "images/s": "{:,.0f}", "MiB": "{:,.0f}",
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


def targets(results):
    lines = []
    for name in rows.NAMES:
        result = results.get(name)
        row = importlib.import_module(f"rows.{name}")
        command = f"`benchmarks/run.py --only {name}`"
        if result is None:
            lines.append([row.TITLE, "", "not measured yet", "", "", "", "", command])
            continue
        for figure in (f for f in result["figures"] if target_of(f)):
            lines.append([result["title"], *cells_of(figure), command])
    return table(["row", "figure", "median", "least to most", "rounds", "target", "met", "command"],
                 ["---", "---", "---:", "---:", "---:", "---:", "---", "---"], lines)


def other_figures(results):
    lines = [[result["title"], *cells_of(figure)[:4]] for result in results.values()
             for figure in result["figures"] if not target_of(figure)]
    return table(["row", "figure", "median", "least to most", "rounds"],
                 ["---", "---", "---:", "---:", "---:"], lines)


def questions(results):
    lines = []
    for result in results.values():
        facts = [f"{peer['name']}: {peer['facts']['workers']} workers" for peer in result.get("peers", [])
                 if "workers" in peer["facts"]]
        for peer in result.get("peers", []):
            if left_out := peer["facts"].get("left_out"):
                facts.append(f"{peer['name']} goes without {', '.join(left_out)}")
        note = f" ({'; '.join(facts)})" if facts else ""
        lines.append(f"- **{result['title']}.** {result['question']}{note}")
    return "\n".join(lines)


def versions_of(result):
    """What the peers and runs of a result say of themselves, once each."""
    found = []
    for facts in [peer["facts"] for peer in result.get("peers", [])] + result.get("runs", []):
        for key in ("gradus", "libtorch", "compiler", "flags", "torch", "torchvision", "python"):
            if key in facts and (text := f"{key} {facts[key]}") not in found:
                found.append(text)
    return found


def environments(results):
    """One table for each machine and commit that figures come from."""
    groups = {}
    for name, result in results.items():
        measured_on = {k: v for k, v in result["environment"].items() if k not in ("load_before", "date")}
        groups.setdefault(json.dumps(measured_on), []).append(name)
    tables = []
    for names in groups.values():
        facts = results[names[0]]["environment"]
        loads = [results[name]["environment"]["load_before"] for name in names]
        versions = list(dict.fromkeys(v for name in names for v in versions_of(results[name])))
        commits = sorted({run["commit"] for name in names for run in results[name].get("runs", [])})
        days = sorted({results[name]["environment"]["date"] for name in names})
        lines = [["rows", ", ".join(f"`{name}`" for name in names)],
                 ["measured", " to ".join(dict.fromkeys((days[0], days[-1])))],
                 ["commit", f"`{facts['commit']}`"],
                 ["commits of the long runs", ", ".join(f"`{commit}`" for commit in commits)],
                 ["processor", f"{facts['processor']}, {facts['cores']} cores, "
                               f"{facts['memory_gib']} GiB, {facts['system']}"],
                 ["native types", ", ".join(facts["native_types"])],
                 ["GPU", facts["gpu"] or "none"],
                 ["threads of each peer", str(facts["threads"])],
                 ["versions", ", ".join(versions)],
                 ["load before a row", f"{min(loads)} to {max(loads)}"],
                 ["variables", ", ".join(f"`{k}={v}`" for k, v in facts["variables"].items())]]
        tables.append(table(["", ""], ["---", "---"], [line for line in lines if line[1]]))
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
    lines = [[f"{left['policy']} ({left['axis']})", f"{left['time_ratio']['mean']:.2f}×",
              f"{100 * left['accuracy_contributed']['mean']:+.2f}",
              f"{100 * left['accuracy_contributed']['deviation']:.2f}"] for left in ablation["left_out"]]
    return table(["policy", "time without it", "accuracy that it adds, points", "± over seeds"],
                 ["---", "---:", "---:", "---:"], lines)


PARTS = {"targets": targets, "figures": other_figures, "questions": questions,
         "environment": environments, "profiles": profiles, "levers": levers}


def rewrite(results_folder=RESULTS, page=PAGE):
    results = {name: json.loads(path.read_text(encoding="utf-8")) for name in rows.NAMES
               if (path := results_folder / f"{name}.json").is_file()}
    text = (page if page.is_file() else PAGE).read_text(encoding="utf-8")

    def made(match):
        body = PARTS[match[1]](results) or "Not measured yet."
        return f"<!-- made: {match[1]} -->\n\n{body}\n\n<!-- end -->"

    page.write_text(re.sub(r"<!-- made: (\w+) -->\n.*?<!-- end -->", made, text, flags=re.DOTALL),
                    encoding="utf-8")


if __name__ == "__main__":
    rewrite()
