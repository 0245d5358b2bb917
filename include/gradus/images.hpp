/// What reads PNG and JPEG files: not in gradus/gradus.hpp, for it needs libpng and libjpeg. Link
/// gradus::images.
#pragma once

#include <gradus/data/image_file.hpp>
#include <gradus/data/image_files.hpp>
#include <gradus/data/image_folder.hpp>
#include <gradus/data/image_pixels.hpp>
#include <gradus/data/image_resize.hpp>
