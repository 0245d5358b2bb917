"""Breaks each promise of docs/durability.md on purpose and says whether its tests notice.

    cmake --workflow --preset test && python3 tests/durability/break_promises.py [PROMISE ...]

Prints one row a change, and exits with 1 if a change went unnoticed.
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import mutation  # noqa: E402

WRITE, HEADER, SEAL = "files/write_file.hpp", "checkpoint/safetensors_header.hpp", "checkpoint/seal.hpp"
CHECKPOINTS, STATE, SAVER = "checkpoint/checkpoints.hpp", "train/run_state.hpp", "checkpoint/background_saver.hpp"
FILES, RUNS, FAULTS = "checkpoint/safetensors", "checkpoint/checkpoints", "durability/fault"

# promise, what is broken, header, text, what takes its place, test file
CHANGES = [
    ("1", "writes into the file itself", WRITE, "  fresh += std::string(unfinished_mark) + std::to_string(::getpid());", "",
     FAULTS),
    ("1", "takes a short write for a whole one", WRITE, "    if (written < 0) return false;", "    if (written < 0) return true;",
     FAULTS),
    ("1", "does not bring the file onto the disk", WRITE, "&& ::fsync(descriptor) == 0;", "&& ::fsync(descriptor) <= 0;", FAULTS),
    ("1", "does not bring the folder onto the disk", WRITE, "  detail::sync_parent(path);\n}\n\ninline void write_file", "}\n\ninline void write_file",
     FAULTS),
    ("1", "does not bring a new folder onto the disk", WRITE, "  if (made) detail::sync_parent(folder);", "", FAULTS),
    ("1", "leaves unfinished files behind", "checkpoint/checkpoint_folder.hpp",
     "std::filesystem::remove(file, ignored);\n      }\n    }\n    read_best", "}\n    }\n    read_best", RUNS),
    ("2", "does not look at the checksum of the header", SEAL, "if (hexadecimal(crc32c(head)) != whole.mapped())", "if (false)",
     FILES),
    ("2", "does not look at the checksums of tensors", SEAL, "sum == sums.end() || *sum != hexadecimal(crc32c(values))",
     "sum == sums.end()", FILES),
    ("2", "allows holes and overlaps", HEADER, "tensor.begin != next || tensor.end < next ||", "tensor.end < tensor.begin ||",
     FILES),
    ("2", "allows bytes behind the last tensor", HEADER, "if (next != values) refuse", "if (next > values) refuse", FILES),
    ("2", "multiplies sides until they overflow", HEADER, "if (side != 0 && bits > most / side) refuse", "if (false) refuse",
     FILES),
    ("2", "takes the last of two tensors of one name", HEADER, "if (!names_.insert(key).second) refuse", "if (false) refuse",
     FILES),
    ("2", "gives up with the newest", CHECKPOINTS, "        damage = error.what();", "        throw;", FAULTS),
    ("2", "passes over what is not damaged", CHECKPOINTS, "catch (const DamagedCheckpoint& error)", "catch (const CheckpointError& error)",
     RUNS),
    ("2", "leaves a damaged one among the others", "checkpoint/checkpoint_folder.hpp", "std::filesystem::rename(file, aside, failure);", "",
     FAULTS),
    ("3", "leaves a trainer half loaded", STATE, "    take_state(before);\n", "", RUNS),
    ("3", "passes over what nobody asked for", STATE, "    state.refuse_unread();", "", RUNS),
    ("4", "saves what is still trained", "core/state_dict.hpp", "copy_of(tensor.detach())", "tensor.detach()", FAULTS),
    ("4", "forgets the records", STATE, "  history_ = load_history(", "  static_cast<void>(load_history)(", RUNS),
    ("4", "forgets the random streams", STATE, '  host.set_state(state.copy("random/cpu"));',
     '  static_cast<void>(state.has("random/cpu"));', "semantics/resume"),
    ("4", "counts lines twice after a resume", "checkpoint/grown_files.hpp", "cut_file(file, length);", ";", FAULTS),
    ("5", "resumes with another configuration", "train/run/run_configuration.hpp", "  if (list.empty()) return;", "  return;",
     RUNS),
    ("4", "calls an evaluated epoch step 0", CHECKPOINTS, 'state.number("progress/steps")', "std::int64_t{0}", RUNS),
    ("4", "evaluates an epoch twice at a limit", "train/fit.hpp", "if (end != RunEnd::unfinished && progress_.window == 0) break;", ";", RUNS),
    ("4", "takes skipped steps off twice", "train/begin.hpp", "progress_.take_off(-meter_.skipped_on_device());", "",
     "semantics/resume"),
    ("4", "saves steps that were skipped", STATE, "if (counts_on_device) known.take_off(meter_.skipped_on_device());", "", "semantics/resume"),
    ("4", "cuts files that it does not know", "checkpoint/grown_files.hpp",
     "if (known == lengths.end() || !known->is_number_unsigned()) continue;\n      const auto length = known->get<std::uintmax_t>();",
     "const auto length = known == lengths.end() ? 0 : known->get<std::uintmax_t>();", RUNS),
    ("5", "begins among the checkpoints of another run", CHECKPOINTS, "!std::exchange(resumed_, false) && ", "false && ", RUNS),
    ("5", "resumes with data that makes another run", "train/run/data_mark.hpp", "if (then == steps) return;", "return;", RUNS),
    ("5", "resumes with other data", "train/run/data_mark.hpp", "if (!trainer.run().allow_other_data)", "if (false)", RUNS),
    ("6", "has two owners", "files/file_lock.hpp", "::flock(descriptor_, LOCK_EX | LOCK_NB) != 0", "false", "files/file_lock"),
    ("7", "passes over a failed save", SAVER, "if (plan_->on_failure == OnSaveFailure::stop) throw;", "", FAULTS),
    ("7", "saves weights that are not finite", SAVER, "if (!plan_->allow_not_finite)", "if (false)", RUNS),
    ("8", "opens archives of PyTorch", "checkpoint/safetensors.hpp", "detail::refuse_archive(file);", "", FILES),
]

mutation.main(CHANGES)
