#pragma once

#include <gradus/train/a.hpp>
