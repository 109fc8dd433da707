// Row kernels over 4096 x 4096 elements through the public functions, against the bandwidth.
#include <random>

#include "mlx/fast.h"
#include "mlx/mlx.h"
#include "timing.h"

using namespace mlx::core;

int main(int argc, char** argv) {
  const int n = 4096;
  std::vector<float> data(size_t{n} * n);
  std::mt19937 engine(1);
  for (float& v : data) v = static_cast<float>(engine() >> 8) * 0x1p-22f - 2.0f;
  array base(data.begin(), {n, n});
  array w(data.begin(), {n});
  array line = reshape(base, {n * n});
  eval(base, w, line);
  auto run = [&](const char* name, double bytes, auto&& f) {
    bench::report(name, bytes, [&] {
      array out = f();
      out.eval();
    });
  };
  for (Dtype dtype : {float32, float16, bfloat16}) {
    array x = astype(base, dtype);
    array v = astype(w, dtype);
    eval(x, v);
    double read = double(x.nbytes());
    std::printf("%s\n", std::string(dtype_name(dtype)).c_str());
    run("sum", read, [&] { return sum(x); });
    run("argmax axis -1", read, [&] { return argmax(x, -1); });
    run("argmax axis 0", read, [&] { return argmax(x, 0); });
    run("logsumexp", read, [&] { return logsumexp(x, -1); });
    run("softmax", 2 * read, [&] { return softmax(x, -1); });
    run("rms_norm", 2 * read, [&] { return fast::rms_norm(x, v, 1e-5f); });
    run("layer_norm", 2 * read, [&] { return fast::layer_norm(x, v, v, 1e-5f); });
    run("cumsum axis -1", 2 * read, [&] { return cumsum(x, -1); });
    run("cumsum axis 0", 2 * read, [&] { return cumsum(x, 0); });
    run("rope", 2 * read, [&] {
      return fast::rope(reshape(x, {16, 8, 1024, 128}), 128, false, 10000.0f, 1.0f, 0);
    });
    if (argc > 1 && dtype == float32) return 0;
  }
  run("cumsum 1-D f32", 2 * double(line.nbytes()), [&] { return cumsum(line); });
}
