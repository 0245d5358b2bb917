#pragma once

#include <gradus/core/a.hpp>
