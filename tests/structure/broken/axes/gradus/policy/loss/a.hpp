#pragma once

#include <gradus/policy/layout/b.hpp>
