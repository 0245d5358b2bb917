/// The output of a real process, to read from.
#pragma once

#include <cstdio>
#include <ext/stdio_filebuf.h>
#include <istream>
#include <stdexcept>
#include <string>

namespace gradus::test {

class Pipe {
 public:
  explicit Pipe(const std::string& command)
      : process_(started(command)), buffer_(process_, std::ios::in), text(&buffer_) {}
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() { ::pclose(process_); }

 private:
  static std::FILE* started(const std::string& command) {
    auto* process = ::popen(command.c_str(), "r");
    if (process == nullptr) throw std::runtime_error("cannot run " + command);
    return process;
  }

  std::FILE* process_;
  __gnu_cxx::stdio_filebuf<char> buffer_;

 public:
  std::istream text;
};

}  // namespace gradus::test
