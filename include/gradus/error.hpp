/// The errors of gradus: one class per kind of cause, each with the exit code a program gives for
/// it.
#pragma once

#include <stdexcept>
#include <string>

namespace gradus {

/// Exit codes of gradus programs; `stopped` is EX_TEMPFAIL of sysexits.h: run again to resume.
enum class ExitCode : int {
  done = 0,
  internal = 1,
  usage = 2,
  configuration = 3,
  data = 4,
  checkpoint = 5,
  numeric = 6,
  resource = 7,
  distributed = 8,
  check = 9,
  stopped = 75,
};

/// Base of every error that gradus throws. The text is one sentence that names the thing, what was
/// found, what was expected, and the next step.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}

  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

namespace detail {

template <ExitCode Code>
class ErrorOf : public Error {
 public:
  explicit ErrorOf(const std::string& sentence) : Error(Code, sentence) {}
};

}  // namespace detail

/// Unknown command, configuration or flag.
class UsageError : public detail::ErrorOf<ExitCode::usage> {
  using ErrorOf::ErrorOf;
};

/// A setting with a wrong name, type or value, or a device that is not there.
class ConfigurationError : public detail::ErrorOf<ExitCode::configuration> {
  using ErrorOf::ErrorOf;
};

/// A data file that is missing, unreadable or not what its format says.
class DataError : public detail::ErrorOf<ExitCode::data> {
  using ErrorOf::ErrorOf;
};

/// A checkpoint that cannot be read back exactly.
class CheckpointError : public detail::ErrorOf<ExitCode::checkpoint> {
  using ErrorOf::ErrorOf;
};

/// One that is not there whole: its bytes are not those that were written.
class DamagedCheckpoint : public CheckpointError {
  using CheckpointError::CheckpointError;
};

/// A run that would resume with other data than it was begun with, which nobody has allowed.
class OtherDataError : public CheckpointError {
  using CheckpointError::CheckpointError;
};

/// A loss, gradient or weight that is not finite.
class NumericError : public detail::ErrorOf<ExitCode::numeric> {
  using ErrorOf::ErrorOf;
};

/// Memory, disk or file handles ran out, or a file cannot be written.
class ResourceError : public detail::ErrorOf<ExitCode::resource> {
  using ErrorOf::ErrorOf;
};

/// Not a failure: a run was asked to stop, and everything is saved.
class Stopped : public detail::ErrorOf<ExitCode::stopped> {
  using ErrorOf::ErrorOf;
};

/// Something that must hold on this machine, and was checked, does not.
class CheckError : public detail::ErrorOf<ExitCode::check> {
  using ErrorOf::ErrorOf;
};

/// A process of a run that is missing, does not answer, has ended, or differs from the others.
class DistributedError : public detail::ErrorOf<ExitCode::distributed> {
  using ErrorOf::ErrorOf;
};

}  // namespace gradus
