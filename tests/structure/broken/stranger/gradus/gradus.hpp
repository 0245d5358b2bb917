#pragma once

#include <gradus/attic/a.hpp>
