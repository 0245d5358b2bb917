/// The run of a trainer that is under way.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/train/model/gradients.hpp>

#include <string>
#include <vector>

namespace gradus {

/// Whether a run is under way. Until its end its trainer is not loaded, nor trained by another
/// call: batches that are being read would be of another place than the state.
class OpenRun {
 public:
  /// While it lives the run is under way. At its end, after an exception too, no parameter has a
  /// gradient: that of a captured step is memory of its graph.
  class Scope {
   public:
    Scope(OpenRun& run, const std::vector<NamedTensor>& parameters)
        : run_(&run), parameters_(&parameters) {
      run.is_open_ = true;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() {
      clear_gradients(*parameters_);
      run_->is_open_ = false;
    }

   private:
    OpenRun* run_;
    const std::vector<NamedTensor>* parameters_;
  };

  [[nodiscard]] bool is_open() const { return is_open_; }

  /// Throws ConfigurationError if a run is under way while its trainer is `what`, as in "loaded".
  void check(const char* what) const {
    if (!is_open_) return;
    throw ConfigurationError(std::string("a trainer is ") + what +
                             " while a run of it is under way, by an observer or a policy; end the "
                             "run before, with a StopRequest (run.stop).");
  }

 private:
  bool is_open_ = false;
};

}  // namespace gradus
