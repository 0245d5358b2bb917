#pragma once

#include <range/v3/view/iota.hpp>
