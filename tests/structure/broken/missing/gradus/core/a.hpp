#pragma once

#include <gradus/core/gone.hpp>
