"""The rows of docs/performance.md in order, a script each."""

NAMES = ("fastest_over_unoptimized", "accuracy", "optimized_over_pytorch", "unoptimized_over_pytorch",
         "data_pipeline", "waiting", "arithmetic", "step_overhead", "peak_memory", "profile", "levers",
         "compile_time")
WITHOUT_TARGET = ("profile", "levers", "compile_time")
