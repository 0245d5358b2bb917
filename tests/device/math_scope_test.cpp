// The process's switches of arithmetic are set within a scope and as before after it.
#include "catch.hpp"
#include <gradus/device/math_scope.hpp>

#include <string>
#include <thread>
#include <vector>

using namespace gradus;

namespace {

// Everything that a scope may touch, by both interfaces of LibTorch.
std::vector<int> switches() {
  const auto& context = at::globalContext();
  std::vector<int> all{context.allowTF32CuDNN(),
                       context.allowTF32CuBLAS(),
                       static_cast<int>(context.float32MatmulPrecision()),
                       context.allowTF32OneDNN(),
                       context.benchmarkCuDNN(),
                       context.deterministicCuDNN(),
                       context.deterministicMkldnn(),
                       context.deterministicAlgorithms(),
                       context.deterministicAlgorithmsWarnOnly()};
  for (const auto backend : {at::Float32Backend::CUDA, at::Float32Backend::MKLDNN}) {
    for (const auto op :
         {at::Float32Op::ALL, at::Float32Op::CONV, at::Float32Op::RNN, at::Float32Op::MATMUL}) {
      all.push_back(static_cast<int>(context.float32Precision(backend, op)));
    }
  }
  return all;
}

void check_set(const MathSettings& math) {
  const auto& context = at::globalContext();
  CATCH_CHECK(context.allowTF32CuDNN() == math.tf32);
  CATCH_CHECK(context.allowTF32CuDNN(at::Float32Op::CONV) == math.tf32);
  CATCH_CHECK(context.allowTF32CuBLAS() == math.tf32);
  CATCH_CHECK(context.benchmarkCuDNN() == math.cudnn_benchmark);
  CATCH_CHECK(fused_norms_allowed() == math.fused_norms);
  CATCH_CHECK(context.deterministicCuDNN() == math.deterministic);
  CATCH_CHECK(context.deterministicAlgorithms() == math.deterministic);
  CATCH_CHECK_FALSE(context.deterministicAlgorithmsWarnOnly());
}

const std::vector<MathSettings> every{{},
                                      {.tf32 = true},
                                      {.cudnn_benchmark = true},
                                      {.fused_norms = true},
                                      {.tf32 = true, .cudnn_benchmark = true},
                                      {.deterministic = true},
                                      {.tf32 = true, .deterministic = true}};

void set_before(int kind) {
  auto& context = at::globalContext();
  context.setAllowTF32CuDNN(true);
  context.setFloat32MatmulPrecision(kind == 2 ? "medium" : kind == 1 ? "high" : "highest");
  context.setBenchmarkCuDNN(kind == 1);
  context.setDeterministicAlgorithms(kind == 1, kind == 1);
  if (kind == 3) context.setAllowTF32CuDNN(false);
}

}  // namespace

CATCH_TEST_CASE("a scope sets every switch, and its end sets each back to what it was") {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
  for (const int kind : {0, 1, 2, 3}) {
    set_before(kind);
    const auto before = switches();
    for (const auto& math : every) {
      {
        const MathScope scope(math);
        check_set(math);
      }
      CATCH_CHECK(switches() == before);
    }
    try {
      const MathScope scope({.tf32 = true});
      throw std::runtime_error("a run that fails");
    } catch (const std::runtime_error&) {
    }
    CATCH_CHECK(switches() == before);
  }
  set_before(0);
}

CATCH_TEST_CASE("off is off, whatever the setting for all operators says") {
  auto& context = at::globalContext();
  using P = at::Float32Precision;
  context.setAllowTF32CuBLAS(true);
  context.setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::ALL, P::TF32);
  {
    const MathScope scope({});
    check_set({});
  }
  CATCH_CHECK(context.allowTF32CuBLAS());
  context.setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::ALL, P::NONE);
  set_before(0);
}

CATCH_TEST_CASE("scopes of a thread nest, and the end of the inner one brings the outer back") {
  const auto before = switches();
  {
    const MathScope outer({.tf32 = true});
    {
      const MathScope inner({.cudnn_benchmark = true});
      check_set({.cudnn_benchmark = true});
    }
    check_set({.tf32 = true});
  }
  CATCH_CHECK(switches() == before);
}

CATCH_TEST_CASE("two threads must agree, and neither changes the other's switches in silence") {
  const auto before = switches();
  {
    const MathScope here({.tf32 = true});
    std::string refusal;
    std::thread([&] {
      const MathScope same({.tf32 = true});
      try {
        const MathScope other({});
      } catch (const ConfigurationError& error) {
        refusal = error.what();
      }
    }).join();
    CATCH_CHECK_THAT(refusal, Catch::Matchers::ContainsSubstring("another run of this process"));
    check_set({.tf32 = true});
  }
  CATCH_CHECK(switches() == before);
}

CATCH_TEST_CASE("a process whose two interfaces disagree is refused, not changed") {
  auto& context = at::globalContext();
  context.setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::CONV,
                              at::Float32Precision::IEEE);  // the older one still says TF32
  CATCH_CHECK_THROWS_AS(context.allowTF32CuDNN(), c10::Error);
  CATCH_CHECK_THROWS_WITH(MathScope({}), Catch::Matchers::ContainsSubstring("older and newer"));
  context.setAllowTF32CuDNN(true);
}

CATCH_TEST_CASE("determinism and a benchmark exclude each other") {
  CATCH_CHECK_THROWS_WITH(checked(MathSettings{.cudnn_benchmark = true, .deterministic = true}),
                          "deterministic and cudnn_benchmark are both true, but what cuDNN "
                          "measures differs from run to run; leave out one of them.");
}

CATCH_TEST_CASE("results say in words what float32 was") {
  CATCH_CHECK(float32_arithmetic({.tf32 = true}, /*on_cuda=*/false) == "IEEE float32");
  CATCH_CHECK(float32_arithmetic({}, /*on_cuda=*/true) == "IEEE float32, TF32 off");
  CATCH_CHECK(float32_arithmetic({.tf32 = true}, /*on_cuda=*/true) ==
              "TF32 products, float32 sums");
}
