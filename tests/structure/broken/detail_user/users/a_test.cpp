#include <gradus/core/a.hpp>

int main() { return gradus::detail::once(); }
