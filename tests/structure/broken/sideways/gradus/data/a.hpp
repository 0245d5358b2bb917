#pragma once

#include <gradus/model/b.hpp>
