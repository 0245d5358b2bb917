#pragma once

#include <gradus/policy/loss/a.hpp>
