/// The CUDA kernels of `norm_relu`, as text that is compiled when the program runs.
#pragma once

#include <string_view>

namespace gradus::kernel {

/// Tensors are [rows, channels], channels a multiple of `wide`, at addresses that are multiples of
/// 16. BFLOAT16 is 1 for bfloat16 and 0 for float32. What is per channel is float32. Sums over rows
/// are made in two kernels: `*_sums` leaves those of each block, [blocks, sums, channels], `*_ends`
/// adds them up in a fixed order. A block has `blockDim.x` packs, or channels, beside each other.
inline constexpr std::string_view norm_source = R"cuda(
#if BFLOAT16
typedef unsigned short Element;
constexpr int wide = 8;
inline __device__ float load(Element bits) { return __uint_as_float(unsigned(bits) << 16); }
inline __device__ void store(Element& to, float value) {
  const unsigned bits = __float_as_uint(value);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  to = static_cast<Element>(is_nan ? 0x7fc0u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#else
typedef float Element;
constexpr int wide = 4;
inline __device__ float load(Element value) { return value; }
inline __device__ void store(Element& to, float value) { to = value; }
#endif

struct alignas(16) Pack { Element of[wide]; };

/// What a norm has learned and found, [channels] each.
struct Norm { const float *weight, *bias, *mean, *inverse_std; };
/// The gradient of its input is `of_gradient` times that of its output, plus `of_x` x, plus a
/// constant; [channels] each.
struct Coefficients { float *of_gradient, *of_x, *constant; };

/// The rows of one pack of channels, which this thread goes over.
struct Place {
  long long groups, group, row, step;
  __device__ explicit Place(int channels)
      : groups(channels / wide),
        group(static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x),
        row(static_cast<long long>(blockIdx.y) * blockDim.y + threadIdx.y),
        step(static_cast<long long>(gridDim.y) * blockDim.y) {}
  __device__ bool inside() const { return group < groups; }
};

/// Adds up what the threads of a block that are below each other have, and leaves it in `partial`.
template <int sums>
inline __device__ void leave(const float (&own)[sums][wide], const Place& place, int channels,
                             float* partial) {
  __shared__ float all[sums][wide][256];
  const int at = threadIdx.y * blockDim.x + threadIdx.x;
  for (int k = 0; k < sums; ++k) {
    for (int i = 0; i < wide; ++i) all[k][i][at] = own[k][i];
  }
  for (int half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) {
      for (int k = 0; k < sums; ++k) {
        for (int i = 0; i < wide; ++i) all[k][i][at] += all[k][i][at + half * blockDim.x];
      }
    }
  }
  if (threadIdx.y != 0 || !place.inside()) return;
  for (int k = 0; k < sums; ++k) {
    float* to = partial + (static_cast<long long>(blockIdx.y) * sums + k) * channels;
    for (int i = 0; i < wide; ++i) to[place.group * wide + i] = all[k][i][at];
  }
}

/// Sum number `k` of `channel`, of all blocks; every thread of a block calls it.
template <int sums>
inline __device__ double sum_of(const float* partial, int blocks, int channels, int k, int channel) {
  __shared__ double all[256];
  double own = 0;
  for (int block = threadIdx.y; block < blocks && channel < channels; block += blockDim.y) {
    own += partial[(static_cast<long long>(block) * sums + k) * channels + channel];
  }
  const int at = threadIdx.y * blockDim.x + threadIdx.x;
  __syncthreads();
  all[at] = own;
  for (int half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) all[at] += all[at + half * blockDim.x];
  }
  __syncthreads();
  return all[threadIdx.x];
}

/// Sums of differences from the first row, by which no digits are lost where means are large, and
/// of their squares.
extern "C" __global__ void forward_sums(const Pack* x, long long rows, int channels,
                                        float* partial) {
  const Place place(channels);
  float sums[2][wide] = {};
  if (place.inside()) {
    const Pack first = x[place.group];
    for (long long row = place.row; row < rows; row += place.step) {
      const Pack pack = x[row * place.groups + place.group];
      for (int i = 0; i < wide; ++i) {
        const float difference = load(pack.of[i]) - load(first.of[i]);
        sums[0][i] += difference;
        sums[1][i] += difference * difference;
      }
    }
  }
  leave(sums, place, channels, partial);
}

/// `update` is the weight of this batch in the running statistics, which are not touched if it is 0.
extern "C" __global__ void forward_ends(const float* partial, int blocks, const Element* x,
                                        long long rows, int channels, double eps, double update,
                                        float* mean, float* inverse_std, float* running_mean,
                                        float* running_var) {
  const int channel = blockIdx.x * blockDim.x + threadIdx.x;
  const double count = static_cast<double>(rows);
  const double offset = sum_of<2>(partial, blocks, channels, 0, channel) / count;
  const double squares = sum_of<2>(partial, blocks, channels, 1, channel) / count;
  if (threadIdx.y != 0 || channel >= channels) return;
  const double spread = squares - offset * offset;
  const double variance = spread > 0 ? spread : spread < 0 ? 0 : spread;  // not a number stays so
  const double centre = load(x[channel]) + offset;
  mean[channel] = static_cast<float>(centre);
  inverse_std[channel] = static_cast<float>(1 / sqrt(variance + eps));
  if (update <= 0) return;
  const double unbiased = variance * count / (count - 1);
  running_mean[channel] += static_cast<float>(update * (centre - running_mean[channel]));
  running_var[channel] += static_cast<float>(update * (unbiased - running_var[channel]));
}

inline __device__ float relu(float value) { return value < 0 ? 0 : value; }
inline __device__ float passed_by_relu(float dy, float y) { return y > 0 ? dy : 0; }

struct Line {
  float slope[wide], offset[wide];
  __device__ Line(const Norm& of, long long first) {
    for (int i = 0; i < wide; ++i) {
      slope[i] = of.weight[first + i] * of.inverse_std[first + i];
      offset[i] = of.bias[first + i] - of.mean[first + i] * slope[i];
    }
  }
};

/// relu(norm(x)), plus `shortcut` if it is not null, or plus other(shortcut) if `other` has weights.
extern "C" __global__ void forward(const Pack* x, Norm norm, const Pack* shortcut, Norm other,
                                   long long rows, int channels, Pack* y) {
  const Place place(channels);
  if (!place.inside()) return;
  const bool is_normed = other.weight != nullptr;
  const Line line(norm, place.group * wide), beside(is_normed ? other : norm, place.group * wide);
  for (long long row = place.row; row < rows; row += place.step) {
    const long long at = row * place.groups + place.group;
    const Pack pack = x[at];
    Pack added = {}, out;
    if (shortcut != nullptr) added = shortcut[at];
    for (int i = 0; i < wide; ++i) {
      float value = load(pack.of[i]) * line.slope[i] + line.offset[i];
      if (is_normed) {
        value += load(added.of[i]) * beside.slope[i] + beside.offset[i];
      } else if (shortcut != nullptr) {
        value += load(added.of[i]);
      }
      store(out.of[i], relu(value));
    }
    y[at] = out;
  }
}

/// Sums of the gradient behind the ReLU; of it times x less its mean; and times `other_x` likewise,
/// if that is not null.
extern "C" __global__ void backward_sums(const Pack* dy, const Pack* y, const Pack* x,
                                         const float* mean, const Pack* other_x,
                                         const float* other_mean, long long rows, int channels,
                                         float* partial) {
  const Place place(channels);
  float sums[3][wide] = {};
  if (place.inside()) {
    const long long first = place.group * wide;
    for (long long row = place.row; row < rows; row += place.step) {
      const long long at = row * place.groups + place.group;
      const Pack gradient = dy[at], output = y[at], pack = x[at];
      Pack beside = {};
      if (other_x != nullptr) beside = other_x[at];
      for (int i = 0; i < wide; ++i) {
        const float passed = passed_by_relu(load(gradient.of[i]), load(output.of[i]));
        sums[0][i] += passed;
        sums[1][i] += passed * (load(pack.of[i]) - mean[first + i]);
        if (other_x != nullptr) sums[2][i] += passed * (load(beside.of[i]) - other_mean[first + i]);
      }
    }
  }
  leave(sums, place, channels, partial);
}

/// For the norm whose input stands in sum number `k`.
extern "C" __global__ void backward_ends(const float* partial, int blocks, int k, long long rows,
                                         int channels, int from_batch, Norm norm,
                                         Coefficients of_input, float* of_weight, float* of_bias) {
  const int channel = blockIdx.x * blockDim.x + threadIdx.x;
  const double of_passed = sum_of<3>(partial, blocks, channels, 0, channel);
  const double of_product = sum_of<3>(partial, blocks, channels, k, channel);
  if (threadIdx.y != 0 || channel >= channels) return;
  const double r = norm.inverse_std[channel], count = static_cast<double>(rows);
  const double a = norm.weight[channel] * r;
  const double b = from_batch ? -a * r * r * of_product / count : 0;
  of_bias[channel] = static_cast<float>(of_passed);
  of_weight[channel] = static_cast<float>(of_product * r);
  of_input.of_gradient[channel] = static_cast<float>(a);
  of_input.of_x[channel] = static_cast<float>(b);
  of_input.constant[channel] =
      static_cast<float>((from_batch ? -a * of_passed / count : 0) - b * norm.mean[channel]);
}

struct Slopes {
  float a[wide], b[wide], c[wide];
  __device__ Slopes(const Coefficients& of, long long first) {
    for (int i = 0; i < wide; ++i) {
      a[i] = of.of_gradient[first + i], b[i] = of.of_x[first + i], c[i] = of.constant[first + i];
    }
  }
};

/// Gradients of x, and of the shortcut if `d_shortcut` is not null: as it was passed on, or through
/// the other norm if `other` has coefficients.
extern "C" __global__ void backward(const Pack* dy, const Pack* y, const Pack* x, Coefficients of_x,
                                    const Pack* other_x, Coefficients other, long long rows,
                                    int channels, Pack* dx, Pack* d_shortcut) {
  const Place place(channels);
  if (!place.inside()) return;
  const bool is_normed = other.of_gradient != nullptr;
  const Slopes own(of_x, place.group * wide), beyond(is_normed ? other : of_x, place.group * wide);
  for (long long row = place.row; row < rows; row += place.step) {
    const long long at = row * place.groups + place.group;
    const Pack gradient = dy[at], output = y[at], pack = x[at];
    Pack beside = {}, out, out_beside = {};
    if (is_normed) beside = other_x[at];
    for (int i = 0; i < wide; ++i) {
      const float passed = passed_by_relu(load(gradient.of[i]), load(output.of[i]));
      store(out.of[i], own.a[i] * passed + own.b[i] * load(pack.of[i]) + own.c[i]);
      store(out_beside.of[i],
            is_normed ? beyond.a[i] * passed + beyond.b[i] * load(beside.of[i]) + beyond.c[i] : passed);
    }
    dx[at] = out;
    if (d_shortcut != nullptr) d_shortcut[at] = out_beside;
  }
}
)cuda";

}  // namespace gradus::kernel
