// Any text is settings, or a ConfigurationError.
#include "options.hpp"
#include <gradus/error.hpp>

#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    static_cast<void>(cifar10::parse_settings(text, "the text"));
  } catch (const gradus::ConfigurationError&) {
  }
  return 0;
}
