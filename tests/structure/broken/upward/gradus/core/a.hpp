#pragma once

#include <gradus/train/b.hpp>
