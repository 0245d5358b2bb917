// Preloaded into a program, it counts the calls by which files are changed, from the first that
// opens or makes a path with $GRADUS_FAULT_FROM in it to the first with $GRADUS_FAULT_UNTIL, and at
// call number $GRADUS_FAULT_AT does $GRADUS_FAULT: `kill`, or a failure with ENOSPC, EIO or EMFILE.
// Then it leaves the file $GRADUS_FAULT_MARK, which says which call that was. `trace` leaves all of
// them there, and fails none. If the first is in the main thread, that thread's calls are counted,
// else those of all the others: what is counted is the same in every run.
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

const char* setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

class Fault {
 public:
  static Fault& the() {
    static Fault fault;
    return fault;
  }

  void opens(const char* path) {
    const std::lock_guard lock(mutex_);
    if (*until_ != '\0' && std::strstr(path, until_) != nullptr) over_ = true;
    if (counting_ || *from_ == '\0' || std::strstr(path, from_) == nullptr) return;
    counting_ = true;
    of_main_ = in_main();
  }

  /// Whether the call is to fail, with errno set.
  bool strikes(const char* call) {
    const std::lock_guard lock(mutex_);
    const char* kind = setting("GRADUS_FAULT");
    if (!counting_ || over_ || in_main() != of_main_) return false;
    if (std::strcmp(kind, "trace") == 0) {
      mark(std::string(call) + " ", O_APPEND);
      return false;
    }
    if (++count_ != at_) return false;
    over_ = true;
    mark(call, O_TRUNC);
    if (std::strcmp(kind, "kill") == 0) ::kill(::getpid(), SIGKILL);
    errno = std::strcmp(kind, "ENOSPC") == 0   ? ENOSPC
            : std::strcmp(kind, "EMFILE") == 0 ? EMFILE
                                               : EIO;
    return true;
  }

 private:
  static bool in_main() { return ::gettid() == ::getpid(); }

  /// Into the file that the test looks at, past the functions below.
  static void mark(const std::string& text, int flags) {
    static const auto open_file = next<int (*)(const char*, int, ...)>("open");
    static const auto write_bytes = next<ssize_t (*)(int, const void*, size_t)>("write");
    static const auto close_file = next<int (*)(int)>("close");
    const int file = open_file(setting("GRADUS_FAULT_MARK"), O_WRONLY | O_CREAT | flags, 0666);
    if (write_bytes(file, text.data(), text.size()) < 0) std::abort();
    close_file(file);
  }

  std::mutex mutex_;
  const char* from_ = setting("GRADUS_FAULT_FROM");
  const char* until_ = setting("GRADUS_FAULT_UNTIL");
  long at_ = std::atol(setting("GRADUS_FAULT_AT"));
  long count_ = 0;
  bool counting_ = false;
  bool of_main_ = false;
  bool over_ = false;
};

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    std::va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  Fault::the().opens(path);
  if (Fault::the().strikes("open")) return -1;
  return next<int (*)(const char*, int, ...)>("open")(path, flags, mode);
}

int mkdir(const char* path, mode_t mode) noexcept {
  Fault::the().opens(path);
  if (Fault::the().strikes("mkdir")) return -1;
  return next<int (*)(const char*, mode_t)>("mkdir")(path, mode);
}

ssize_t write(int file, const void* bytes, size_t size) {
  if (Fault::the().strikes("write")) return -1;
  return next<ssize_t (*)(int, const void*, size_t)>("write")(file, bytes, size);
}

int fsync(int file) {
  if (Fault::the().strikes("fsync")) return -1;
  return next<int (*)(int)>("fsync")(file);
}

int close(int file) {
  if (Fault::the().strikes("close")) return -1;
  return next<int (*)(int)>("close")(file);
}

int rename(const char* from, const char* to) noexcept {
  if (Fault::the().strikes("rename")) return -1;
  return next<int (*)(const char*, const char*)>("rename")(from, to);
}

int unlink(const char* path) noexcept {
  if (Fault::the().strikes("unlink")) return -1;
  return next<int (*)(const char*)>("unlink")(path);
}

int remove(const char* path) noexcept {
  if (Fault::the().strikes("remove")) return -1;
  return next<int (*)(const char*)>("remove")(path);
}
}
