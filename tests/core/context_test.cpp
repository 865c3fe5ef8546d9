#include <weft/core/context.h>
#include <weft/core/error.h>
#include <weft/tests/catch.h>

namespace weft {

TEST_CASE("the precision of f32 products has PyTorch's three names", "[context]") {
  CHECK(float32_matmul_precision() == MatmulPrecision::Highest);
  set_float32_matmul_precision("medium");
  CHECK(float32_matmul_precision() == MatmulPrecision::Medium);
  CHECK_THROWS_WITH(set_float32_matmul_precision("low"),
                    Catch::Matchers::ContainsSubstring("got \"low\", expected \"highest\""));
  CHECK(float32_matmul_precision() == MatmulPrecision::Medium);
  set_float32_matmul_precision("highest");
  CHECK(float32_matmul_precision() == MatmulPrecision::Highest);
}

TEST_CASE("timing cuDNN's plans has to be asked for", "[context]") {
  CHECK_FALSE(cudnn_benchmark());
  set_cudnn_benchmark(true);
  CHECK(cudnn_benchmark());
  set_cudnn_benchmark(false);
  CHECK_FALSE(cudnn_benchmark());
}

TEST_CASE("Winograd can be forbidden", "[context]") {
  const bool before = float32_conv_winograd();
  set_float32_conv_winograd(!before);
  CHECK(float32_conv_winograd() == !before);
  set_float32_conv_winograd(before);
}

}  // namespace weft
