// The only file that names all backends: registers their kernels and devices.
#include <mutex>

#include "backend/cpu/attention.h"
#include "backend/cpu/element/creation.h"
#include "backend/cpu/element/eval.h"
#include "backend/cpu/fused_reduce.h"
#include "backend/cpu/gather.h"
#include "backend/cpu/matmul.h"
#include "backend/cpu/norm.h"
#include "backend/cpu/quantized.h"
#include "backend/cpu/random.h"
#include "backend/cpu/reduce_eval.h"
#include "backend/cpu/rope.h"
#include "backend/cpu/scan.h"
#include "backend/cpu/scatter.h"
#include "backend/cpu/softmax.h"
#include "backend/cpu/sort.h"
#include "backend/cpu/svd.h"
#include "backend/cpu/views.h"
#include "backend/cuda/runtime.h"
#include "compile/fuse.h"
#include "runtime/device_runtime.h"
#include "runtime/kernel_table.h"
#include "runtime/schedule.h"
#include "runtime/tape.h"

namespace mlx::core {

void wire_backends() {
  static std::once_flag once;
  std::call_once(once, [] {
    auto& cpu_table = kernel_table(Device::cpu);
    cpu::register_attention(cpu_table);
    cpu::register_creation(cpu_table);
    cpu::register_elementwise(cpu_table);
    cpu::register_fused_reduce(cpu_table);
    cpu::register_gather(cpu_table);
    cpu::register_matmul(cpu_table);
    cpu::register_quantized(cpu_table);
    cpu::register_random(cpu_table);
    cpu::register_scatter(cpu_table);
    cpu::register_sort(cpu_table);
    cpu::register_views(cpu_table);
    cpu::register_reduce(cpu_table);
    cpu::register_scan(cpu_table);
    cpu::register_softmax(cpu_table);
    cpu::register_svd(cpu_table);
    cpu::register_norm(cpu_table);
    cpu::register_rope(cpu_table);
    set_fuser(fuse_elementwise);
    set_gpu_runtime_factory(cuda::make_runtime);
  });
}

}  // namespace mlx::core
