/// Entries of a TensorBoard summary: scalars, histograms, texts, images.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/error.hpp>
#include <gradus/files/png.hpp>
#include <gradus/files/protobuf.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/histc.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus::observe {

/// Adds a curve's value to a `summary`.
inline void add_scalar(ProtobufMessage& summary, const std::string& tag, double value) {
  ProtobufMessage entry;
  entry.text(1, tag);
  entry.number(2, static_cast<float>(value));
  summary.message(1, entry);
}

/// Adds a histogram of the finite values of `tensor`, with so many `buckets` of one width; nothing
/// if there are none. Waits for the device.
inline void add_histogram(ProtobufMessage& summary, const std::string& tag,
                          const at::Tensor& tensor, std::int64_t buckets) {
  auto values = real_parts(tensor.detach()).flatten().to(at::kCPU, at::kDouble);
  values = values.masked_select(values.isfinite());
  if (values.numel() == 0) return;
  const double least = values.min().item<double>(), most = values.max().item<double>();
  const double width = least < most ? (most - least) / static_cast<double>(buckets) : 0;
  const auto counts = at::histc(values, buckets, least, most);
  std::vector<double> ends, found;
  for (std::int64_t k = 0; k < buckets; ++k) {
    ends.push_back(width > 0 ? least + width * static_cast<double>(k + 1)
                             : least + static_cast<double>(k));
    found.push_back(width > 0 ? counts[k].item<double>() : 0);
  }
  if (width == 0) found.front() = static_cast<double>(values.numel());
  ProtobufMessage histogram, entry;
  histogram.number(1, least);
  histogram.number(2, most);
  histogram.number(3, static_cast<double>(values.numel()));
  histogram.number(4, values.sum().item<double>());
  histogram.number(5, values.square().sum().item<double>());
  histogram.numbers(6, ends);
  histogram.numbers(7, found);
  entry.text(1, tag);
  entry.message(5, histogram);
  summary.message(1, entry);
}

/// Adds a list of strings that TensorBoard's `plugin` shows.
inline void add_strings(ProtobufMessage& summary, const std::string& tag, const std::string& plugin,
                        const std::vector<std::string>& strings) {
  constexpr std::int64_t of_text = 7;  // DT_STRING
  ProtobufMessage side, shape, tensor, name, metadata, entry;
  side.integer(1, static_cast<std::int64_t>(strings.size()));
  shape.message(2, side);
  tensor.integer(1, of_text);
  tensor.message(2, shape);
  for (const auto& text : strings) tensor.text(8, text);
  name.text(1, plugin);
  metadata.message(1, name);
  entry.text(1, tag);
  entry.message(8, tensor);
  entry.message(9, metadata);
  summary.message(1, entry);
}

/// Adds `images` [N, C, H, W] uint8, of 1 channel or 3, as one card of N samples. Throws DataError
/// for a tensor of another form.
inline void add_images(ProtobufMessage& summary, const std::string& tag, const at::Tensor& images) {
  const bool fits = images.defined() && images.dim() == 4 && images.scalar_type() == at::kByte &&
                    (images.size(1) == 1 || images.size(1) == 3) && images.numel() > 0;
  if (!fits) {
    throw DataError("the images '" + tag + "' are " +
                    (images.defined() ? c10::str(images.scalar_type(), " ", images.sizes())
                                      : std::string("undefined")) +
                    "; expected [N, C, H, W] uint8 of 1 channel or 3, with at least one pixel.");
  }
  const auto height = images.size(2), width = images.size(3), channels = images.size(1);
  std::vector<std::string> strings{std::to_string(width), std::to_string(height)};
  const auto pixels = images.permute({0, 2, 3, 1}).to(at::kCPU).contiguous();
  const auto bytes = static_cast<std::size_t>(height * width * channels);
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const auto image = pixels.select(0, i);
    strings.push_back(
        png_bytes({image.const_data_ptr<std::uint8_t>(), bytes}, height, width, channels));
  }
  add_strings(summary, tag, "images", strings);
}

}  // namespace gradus::observe
