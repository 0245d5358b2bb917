// No __has_include here: once it has said no, g++ 12 passes over a later #include of that header in
// silence, and this file would compile whatever the library includes.
#include <gradus/gradus.hpp>
