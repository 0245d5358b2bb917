/// A connection whose other end has gone must fail a call, not end the process.
#pragma once

#include <csignal>
#include <pthread.h>
#include <signal.h>
#include <time.h>

namespace gradus {

/// While it lives, SIGPIPE is blocked in this thread and in those that it starts, which keep that.
/// Gloo and c10d's store write to sockets without MSG_NOSIGNAL and count on SIGPIPE being ignored,
/// as Python does. A program in C++ has its default, which ends a rank the moment that another one
/// is killed. The program's own threads keep their disposition, so `program | head` ends as ever.
class SigpipeBlocked {
 public:
  SigpipeBlocked() {
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::sigemptyset(&signal_);
    ::sigaddset(&signal_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  SigpipeBlocked(const SigpipeBlocked&) = delete;
  SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;
  ~SigpipeBlocked() {
    // Or it would end the process now.
    const timespec at_once{};
    if (!was_pending_) ::sigtimedwait(&signal_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t signal_, before_;
  bool was_pending_;
};

}  // namespace gradus
