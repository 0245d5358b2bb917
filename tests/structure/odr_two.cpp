#include <gradus/gradus.hpp>

std::string_view const* version_seen_by_the_other_file();

std::string_view const* version_seen_by_the_other_file() { return &gradus::version; }
