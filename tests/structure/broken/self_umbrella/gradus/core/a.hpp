#pragma once

#include <gradus/gradus.hpp>
