"""The rows of docs/performance.md in order, a script each: its docstring is the question, `TITLE` a name
for the tables, `measure(bench)` returns {"figures": [...]} and what else is kept, or None if there is
nothing to go by. A long row also has `train(bench, widths)`, which makes the runs that it measures."""

NAMES = ("fastest_rate", "fastest_over_unoptimized", "accuracy", "optimized_over_pytorch", "unoptimized_over_pytorch",
         "data_pipeline", "waiting", "arithmetic", "step_overhead", "saving", "peak_memory", "operators",
         "convolutions", "convolution_step", "muon", "kept_memory", "profile", "levers", "compile_time", "distributed", "cuda")
WITHOUT_TARGET = ("operators", "muon", "kept_memory", "profile", "levers", "compile_time", "cuda")
