/// Names of LibTorch's and of ours that contracts and hooks speak of, without their headers.
#pragma once

namespace at {
class Tensor;
}

namespace c10 {
struct Device;
}

namespace gradus {
struct Batch;
struct CapturePlan;
struct EpochRecord;
struct GuardPlan;
struct ImageTransform;
struct KernelChoice;
struct LoadingPlan;
struct NamedTensor;
struct PrecisionChoice;
struct Rates;
struct SampleKey;
struct StepContext;
class StateDict;
}  // namespace gradus
