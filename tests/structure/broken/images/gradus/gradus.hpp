#pragma once
#include <gradus/data/a.hpp>
