/// Trained models as ONNX, for programs without LibTorch. Not in gradus/gradus.hpp: training needs
/// none of it.
#pragma once

#include <gradus/export/export_onnx.hpp>
