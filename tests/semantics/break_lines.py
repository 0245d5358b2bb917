"""Breaks each line of docs/semantics.md on purpose and says whether its tests notice.

    cmake --workflow --preset test && python3 tests/semantics/break_lines.py [LINE ...]

Prints one row a change, and exits with 1 if a change went unnoticed.
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import mutation  # noqa: E402

F, P, G, C = "train/fit.hpp", "train/step.hpp", "train/step_graph.hpp", "train/captured_step"
W, R, S = "semantics/window", "semantics/run", "semantics/resume"
UNREAD = "for (const auto& entry : part.entries()) static_cast<void>(part.has(entry.name));"  # looked at, not taken

# line, what is broken, header, text, what takes its place, test file
CHANGES = [
    ("1", "clips before unscaling", P, "      scaler->unscale(gradients_of(parameters_));",
     "      if constexpr (PolicyAt<slot::clipping>::clips) at<slot::clipping>().clip(gradients_of(parameters_));\n"
     "      scaler->unscale(gradients_of(parameters_));", W),
    ("1", "updates the scale before the step", P, "      if (!device_steps_) finite = !scaler->found_inf();",
     "      if (!device_steps_) finite = !scaler->found_inf();\n      scaler->update();", W),
    ("1", "keeps the gradients", P, "  clear_gradients(parameters_);\n  return finite;", "  return finite;", W),
    ("2", "unscales the vectors twice", P, "      scaler->unscale(gradients_of(parameters_));",
     "      scaler->unscale(gradients_of(parameters_));\n"
     "      scaler->unscale({parameters_.back().tensor.grad()});", W),
    ("3", "steps in spite of an infinity", P, "      if (!device_steps_) finite = !scaler->found_inf();", "", W),
    ("3", "steps on the device in spite of an infinity", P, "device_steps_->rate(), found_inf);",
     "device_steps_->rate(), at::zeros_like(found_inf));", W),
    ("3", "updates the scale in each pass", P, "if (const auto* scaler = this->scaler()) loss = scaler->scale(loss);",
     "if (auto* scaler = this->scaler()) {\n      loss = scaler->scale(loss);\n      scaler->update();\n    }", W),
    ("4", "lets bfloat16 be scaled", "policy/precision/mixed.hpp", "scaling == Scaling::on && unscaled ?",
     "scaling == Scaling::on && !unscaled ?", "compile_fail/torch/scaling_under_bfloat16"),
    ("5", "divides by the number of passes", P, "static_cast<double>(batch.size()) / window_samples",
     "1.0 / static_cast<double>(at<slot::accumulation>().micro_batches())", W),
    ("6", "weights each pass alike", P, "meter_.add(loss, batch.size(), place_)", "meter_.add(loss, 1, place_)", W),
    ("6", "logs the divided loss", P, "meter_.add(loss, batch.size(), place_);",
     "meter_.add(loss / plan.window_batches(progress_.window), batch.size(), place_);", W),
    ("7", "counts a short window as none", "core/step_plan.hpp", "return divide_up(batches(), accumulation);",
     "return std::max<std::int64_t>(batches() / accumulation, 1);", R),
    ("8", "reaches the peak a step later", "policy/schedule/one_cycle.hpp", "pct_start * total - 1;", "pct_start * total;",
     "policy/schedule"),
    ("8", "anneals along a line", "policy/schedule/one_cycle.hpp", "(anneal == Anneal::linear)", "(true)", "policy/schedule"),
    ("9", "counts a skipped step", F, "progress_.steps += stepped ? 1 : 0;", "progress_.steps += 1;", W),
    ("9", "counts a skipped step on the device", "train/device_steps.hpp", "taken_.add_(found_inf.eq(0))", "taken_.add_(1)", W),
    ("10", "gathers statistics in the first pass only", P, "  Batch batch = *feed.next();",
     "  Batch batch = *feed.next();\n  model_->train(context.micro_batch == 0);", R),
    ("10", "tries no batch of one sample", "train/evaluate.hpp", "if (plan.smallest_batch() > 1 ||", "if (true ||", R),
    ("11", "leaves autocast on", "policy/precision/autocast.hpp",
     "    at::autocast::set_autocast_enabled(device_, enabled_);", "", R),
    ("11", "keeps the casts of weights", "policy/precision/autocast.hpp",
     "if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();", "at::autocast::decrement_nesting();",
     "policy/precision"),
    ("12", "lists a shared weight twice", "core/parameters.hpp",
     "if (item.value().defined() && seen.insert(item.value().unsafeGetTensorImpl()).second)",
     "seen.insert(item.value().unsafeGetTensorImpl());\n    if (item.value().defined())", R),
    ("12", "copies a model without its ties", "train/clone_model.hpp",
     "  trainer.policies().template at<slot::sharing>().tie(copy);", "", R),
    ("13", "forgets the buffers", "train/run_state.hpp",
     "for (auto& [name, tensor] : unique_buffers(*model_)) state.get(\"buffer/\" + name, tensor);",
     "for (auto& [name, tensor] : unique_buffers(*model_)) static_cast<void>(state.has(\"buffer/\" + name));", S),
    ("13", "forgets the position", "train/run_state.hpp",
     "progress_.load(part);", UNREAD, S),
    ("13", "forgets the run states of policies", "train/run_state.hpp",
     "policy.load(of, part);", UNREAD, S),
    ("13", "forgets losses not yet read", "train/run_state.hpp", "meter_.load(part);", UNREAD, S),
    ("14", "stays in evaluation mode", "train/evaluation_mode.hpp",
     "for (auto& [part, training] : before_) part->train(training);", "", R),
    ("14", "leaves the averages in the model", "train/weight_swap.hpp",
     "for (std::size_t i = 0; i < tensors_.size(); ++i) tensors_[i].set_data(before_[i]);", "", R),
    ("15", "asks the device in each step", P, "if (!device_steps_) finite = !scaler->found_inf();",
     "finite = !scaler->found_inf();", R),
    ("16", "divides by norm without the small number", "policy/clipping/clip_norm.hpp", "(norm + 1e-6)", "norm",
     "parity/optimizers"),
    ("16", "decays all parameters", "policy/optimizer/decay.hpp", "|| decay == Decay::all ?", "|| true ?",
     "parity/optimizers"),
    ("16", "averages with float64 weights", "policy/averaging/swa.hpp",
     "1 / static_cast<float>(state.averaged + 1)", "1 / static_cast<double>(state.averaged + 1)", "parity/optimizers"),
    ("17", "multiplies by a weight of one", P, "if (weight != 1) loss", "loss", "train/overhead"),
    ("18", "keeps the gradients of a failed capture", "train/captured_step.hpp", "[&] { clear_gradients(parameters_); }",
     "[] {}", C),
    ("18", "keeps the memory of a failed capture", G, "fixed_[i].set_data(memory[i]);", ";", C),
    ("18", "replays though the weights moved", G, "if (form.graph && form.addresses != addresses()) form.forget();", "", C),
    ("18", "reads the batch where it came to lie", G, "step(form.inputs, form.losses);", "step(window, form.losses);", C),
    ("18", "hands out the graph's own losses", G, "    return form.losses.clone();\n  }", "    return form.losses;\n  }",
     "train/step_graph"),
    ("18", "keeps the rates of the begin", F, "device_steps_->set_rates(", "static_cast<void>(", C),
]

mutation.main(CHANGES)
