#pragma once

#include <gradus/core/detail/b.hpp>
