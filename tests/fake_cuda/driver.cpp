// The fake libcuda: memory is the host's, streams are queues that run when someone waits for them.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "backend/cuda/driver_api.h"
#include "fibers.h"

using namespace mlx::core::cuda;

#define FAKE extern "C" __attribute__((visibility("default"))) CuResult

namespace {

constexpr CuResult kInvalidValue = 1;
constexpr CuResult kNotFound = 500;

std::recursive_mutex& mutex() {
  static auto* m = new std::recursive_mutex;
  return *m;
}
using Lock = std::lock_guard<std::recursive_mutex>;

struct Stream {
  std::deque<std::function<void()>> queue;
};

struct Event {
  Stream* stream = nullptr;
  bool pending = false;  // recorded, and its place in the stream's queue not reached yet
};

struct Function {
  fake_cuda::BlockFunction run;
  unsigned long args_size;
  std::string name;
};

struct Node {
  std::function<void()> run;
  std::vector<size_t> deps;
  Function* function = nullptr;
  size_t index;
  struct Graph* graph;
};

struct Graph {
  std::vector<Node*> nodes;
};

struct Exec {
  std::map<Node*, std::function<void()>> runs;
  std::vector<Node*> nodes;
};

/** With MLX_FAKE_CUDA_DRY=1 no kernel is compiled or run: what is left is the host's cost. The
 * calls are counted and printed at exit. */
bool is_dry() {
  static const bool dry = std::getenv("MLX_FAKE_CUDA_DRY") != nullptr;
  return dry;
}

struct Counts {
  std::map<std::string, size_t> by_name;
  ~Counts() {
    for (const auto& [name, count] : by_name)
      std::fprintf(stderr, "fake CUDA: %8zu %s\n", count, name.c_str());
  }
};
void tally(const char* name, size_t times = 1) {
  static const bool wanted = std::getenv("MLX_FAKE_CUDA_COUNT") != nullptr;
  if (!wanted) return;
  static Counts counts;
  counts.by_name[name] += times;
}

/** The error that the next calls of a function return, for tests of how errors are dealt with. */
struct Injected {
  std::string function;
  CuResult result = 0;
  int times = 0;
};
Injected& injected() {
  static auto* value = new Injected;
  return *value;
}
/** Nonzero when this call is to fail. */
CuResult failure_of(const char* function) {
  Injected& planned = injected();
  if (planned.times == 0 || (planned.function != function && planned.function != "*")) return 0;
  --planned.times;
  return planned.result;
}

std::map<CuDevicePtr, size_t>& memory() {
  static auto* blocks = new std::map<CuDevicePtr, size_t>;
  return *blocks;
}
size_t total_memory() {
  const char* set = std::getenv("MLX_FAKE_CUDA_BYTES");
  return set != nullptr ? std::strtoull(set, nullptr, 10) : size_t{2} << 30;
}
size_t used_memory = 0;

std::mt19937& generator() {
  static auto* g = new std::mt19937(12345);
  return *g;
}

std::vector<Stream*>& streams() {
  static auto* all = new std::vector<Stream*>;
  return *all;
}

Stream* of(CuStream s) { return reinterpret_cast<Stream*>(s); }
Event* of(CuEvent e) { return reinterpret_cast<Event*>(e); }

void run_one(Stream& stream) {
  auto work = std::move(stream.queue.front());
  stream.queue.pop_front();
  work();
}
void drain(Stream& stream) {
  while (!stream.queue.empty()) run_one(stream);
}
void drain_all() {
  for (Stream* stream : streams()) drain(*stream);
}
void wait_event(Event& event) {
  while (event.pending && !event.stream->queue.empty()) run_one(*event.stream);
}

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "fake CUDA: %s\n", what);
  std::abort();
}

void check_range(CuDevicePtr at, size_t bytes) {
  auto next = memory().upper_bound(at);
  if (next == memory().begin()) fail("an address that is not device memory");
  auto block = std::prev(next);
  if (at + bytes > block->first + block->second) fail("a copy or fill runs past its block");
}

std::function<void()> kernel_work(Function* function, EmulatedDim grid, EmulatedDim block,
                                  unsigned shared, void** params) {
  tally(function->name.c_str());
  if (is_dry()) return {};
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 || grid.z > 65535)
    fail("a bad grid size");
  if (block.x * block.y * block.z == 0 || block.x * block.y * block.z > 1024)
    fail("a bad block size");
  std::vector<char> args(static_cast<char*>(params[0]),
                         static_cast<char*>(params[0]) + function->args_size);
  return [=, args = std::move(args)] {
    if (std::getenv("MLX_FAKE_CUDA_TRACE") != nullptr) {
      std::fprintf(stderr, "fake CUDA: %s grid %u %u %u block %u %u\n", function->name.c_str(),
                   grid.x, grid.y, grid.z, block.x, block.y);
    }
    alignas(16) char copy[8192];
    std::memcpy(copy, args.data(), args.size());
    fake_cuda::run_grid(function->run, copy, grid, block, shared);
  };
}

std::function<void()> kernel_work(const CuKernelNodeParams& p) {
  return kernel_work(reinterpret_cast<Function*>(p.function), {p.grid_x, p.grid_y, p.grid_z},
                     {p.block_x, p.block_y, p.block_z}, p.shared_bytes, p.params);
}
std::function<void()> copy_work(const CuMemcpy3D& p) {
  return [=] {
    check_range(p.dst_device, p.width_bytes);
    check_range(p.src_device, p.width_bytes);
    std::memmove(reinterpret_cast<void*>(p.dst_device), reinterpret_cast<void*>(p.src_device),
                 p.width_bytes);
  };
}
std::function<void()> fill_work(const CuMemsetNodeParams& p) {
  return [=] {
    check_range(p.dst, p.width * p.element_size);
    std::memset(reinterpret_cast<void*>(p.dst), static_cast<int>(p.value),
                p.width * p.element_size);
  };
}

CuResult add_node(CuGraphNode* out, CuGraph graph, const CuGraphNode* deps, size_t count,
                  std::function<void()> run) {
  auto* g = reinterpret_cast<Graph*>(graph);
  tally("graph node");
  auto* node = new Node{std::move(run), {}, nullptr, g->nodes.size(), g};
  for (size_t i = 0; i < count; ++i) node->deps.push_back(reinterpret_cast<Node*>(deps[i])->index);
  g->nodes.push_back(node);
  *out = reinterpret_cast<CuGraphNode>(node);
  return 0;
}

/** Runs the nodes in a random order that the edges allow. */
void run_graph(const Exec& exec, const std::vector<std::function<void()>>& runs) {
  size_t count = runs.size();
  std::vector<char> done(count, 0);
  for (size_t left = count; left > 0; --left) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < count; ++i) {
      const auto& deps = exec.nodes[i]->deps;
      if (!done[i] && std::all_of(deps.begin(), deps.end(), [&](size_t d) { return done[d] != 0; }))
        ready.push_back(i);
    }
    size_t pick = ready[generator()() % ready.size()];
    runs[pick]();
    done[pick] = 1;
  }
}

}  // namespace

/** Lets the next `times` calls of `function` ("*": of any that may fail) return `result`. */
extern "C" __attribute__((visibility("default"))) void mlx_fake_cuda_fail(const char* function,
                                                                          CuResult result,
                                                                          int times) {
  Lock lock(mutex());
  injected() = {function, result, times};
}

FAKE cuInit(unsigned) { return 0; }
FAKE cuGetErrorName(CuResult r, const char** name) {
  *name = r == kCudaErrorOutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY"
          : r == 700                 ? "CUDA_ERROR_ILLEGAL_ADDRESS"
          : r == kNotFound           ? "CUDA_ERROR_NOT_FOUND"
                                     : "CUDA_ERROR_FAKE";
  return 0;
}
FAKE cuGetErrorString(CuResult r, const char** text) {
  *text = r == kCudaErrorOutOfMemory ? "out of memory" : "an error of the fake driver";
  return 0;
}
FAKE cuDriverGetVersion(int* v) { return *v = 13000, 0; }
FAKE cuDeviceGetCount(int* n) { return *n = 1, 0; }
FAKE cuDeviceGet(CuDevice* d, int) { return *d = 0, 0; }
FAKE cuDeviceGetName(char* name, int length, CuDevice) {
  return std::snprintf(name, length, "Fake GPU"), 0;
}
FAKE cuDeviceGetAttribute(int* value, int attribute, CuDevice) {
  switch (attribute) {
    case kAttributeMultiprocessorCount:
      *value = 4;
      break;
    case kAttributeL2CacheSize:
      *value = 1 << 20;
      break;
    case kAttributeComputeMajor:
      *value = 9;
      break;
    case kAttributeComputeMinor:
      *value = 0;
      break;
    case kAttributeMaxSharedOptin:
      *value = 232448;
      break;
    default:
      return kInvalidValue;
  }
  return 0;
}
FAKE cuDeviceTotalMem_v2(size_t* bytes, CuDevice) { return *bytes = total_memory(), 0; }
FAKE cuDevicePrimaryCtxRetain(CuContext* c, CuDevice) {
  return *c = reinterpret_cast<CuContext>(1), 0;
}
FAKE cuCtxSetCurrent(CuContext) { return 0; }
FAKE cuCtxSynchronize() {
  Lock lock(mutex());
  if (CuResult error = failure_of("ctx_synchronize")) return error;
  drain_all();
  return 0;
}
FAKE cuMemGetInfo_v2(size_t* free, size_t* total) {
  Lock lock(mutex());
  *total = total_memory();
  *free = *total - used_memory;
  return 0;
}
FAKE cuMemAlloc_v2(CuDevicePtr* out, size_t bytes) {
  Lock lock(mutex());
  if (CuResult error = failure_of("mem_alloc")) return error;
  if (used_memory + bytes > total_memory()) return kCudaErrorOutOfMemory;
  void* p = std::aligned_alloc(512, (bytes + 511) / 512 * 512);
  if (p == nullptr) return kCudaErrorOutOfMemory;
  tally("mem_alloc");
  if (!is_dry())
    std::memset(p, 0xff, bytes);  // not-a-number in every float type: unwritten outputs show
  used_memory += bytes;
  *out = reinterpret_cast<CuDevicePtr>(p);
  memory()[*out] = bytes;
  return 0;
}
FAKE cuMemFree_v2(CuDevicePtr p) {
  Lock lock(mutex());
  if (CuResult error = failure_of("mem_free")) return error;
  drain_all();
  auto found = memory().find(p);
  if (found == memory().end()) return kInvalidValue;
  used_memory -= found->second;
  memory().erase(found);
  std::free(reinterpret_cast<void*>(p));
  return 0;
}
FAKE cuMemHostAlloc(void** out, size_t bytes, unsigned) { return *out = std::malloc(bytes), 0; }
FAKE cuMemFreeHost(void* p) { return std::free(p), 0; }
FAKE cuMemcpyHtoDAsync_v2(CuDevicePtr dst, const void* src, size_t bytes, CuStream s) {
  Lock lock(mutex());
  if (CuResult error = failure_of("upload")) return error;
  check_range(dst, bytes);
  tally("upload");
  if (is_dry()) return 0;
  std::vector<char> staged(static_cast<const char*>(src), static_cast<const char*>(src) + bytes);
  of(s)->queue.push_back([=, staged = std::move(staged)] {
    std::memcpy(reinterpret_cast<void*>(dst), staged.data(), bytes);
  });
  return 0;
}
FAKE cuMemcpyDtoHAsync_v2(void* dst, CuDevicePtr src, size_t bytes, CuStream s) {
  Lock lock(mutex());
  if (CuResult error = failure_of("download")) return error;
  tally("download");
  check_range(src, bytes);
  drain(*of(s));
  std::memcpy(dst, reinterpret_cast<void*>(src), bytes);
  return 0;
}
FAKE cuMemcpyDtoDAsync_v2(CuDevicePtr dst, CuDevicePtr src, size_t bytes, CuStream s) {
  Lock lock(mutex());
  tally("copy");
  if (is_dry()) return 0;
  CuMemcpy3D p{};
  p.dst_device = dst;
  p.src_device = src;
  p.width_bytes = bytes;
  of(s)->queue.push_back(copy_work(p));
  return 0;
}
FAKE cuMemsetD8Async(CuDevicePtr dst, unsigned char value, size_t bytes, CuStream s) {
  Lock lock(mutex());
  tally("fill");
  if (is_dry()) return 0;
  of(s)->queue.push_back(fill_work({dst, bytes, value, 1, bytes, 1}));
  return 0;
}
FAKE cuModuleLoadData(CuModule* out, const void* image) {
  Lock lock(mutex());
  if (CuResult error = failure_of("module_load")) return error;
  if (is_dry()) return *out = reinterpret_cast<CuModule>(1), 0;
  unsigned long size;
  std::memcpy(&size, static_cast<const char*>(image) + 8, sizeof(size));
  char path[] = "/tmp/mlx-fake-kernel-XXXXXX";
  int file = mkstemp(path);
  const char* bytes = static_cast<const char*>(image) + 16;
  if (file < 0 || write(file, bytes, size) != static_cast<ssize_t>(size)) return kInvalidValue;
  close(file);
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  unlink(path);
  if (handle == nullptr) {
    std::fprintf(stderr, "fake CUDA: %s\n", dlerror());
    return kInvalidValue;
  }
  *static_cast<Emulation**>(dlsym(handle, "mlx_emulation")) = fake_cuda::emulation();
  *out = static_cast<CuModule>(handle);
  return 0;
}
FAKE cuModuleUnload(CuModule) { return 0; }
FAKE cuModuleGetFunction(CuFunction* out, CuModule module, const char* name) {
  Lock lock(mutex());
  if (is_dry()) return *out = reinterpret_cast<CuFunction>(new Function{nullptr, 0, name}), 0;
  auto run = reinterpret_cast<fake_cuda::BlockFunction>(
      dlsym(module, (std::string(name) + "_emulated").c_str()));
  auto* size =
      static_cast<unsigned long*>(dlsym(module, (std::string(name) + "_args_size").c_str()));
  if (run == nullptr || size == nullptr) return kNotFound;
  *out = reinterpret_cast<CuFunction>(new Function{run, *size, name});
  return 0;
}
FAKE cuFuncSetAttribute(CuFunction, int, int value) { return value > 232448 ? kInvalidValue : 0; }
FAKE cuLaunchKernel(CuFunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                    unsigned bz, unsigned shared, CuStream s, void** params, void**) {
  Lock lock(mutex());
  if (CuResult error = failure_of("launch")) return error;
  tally("launch");
  if (is_dry()) return tally(reinterpret_cast<Function*>(f)->name.c_str()), 0;
  of(s)->queue.push_back(
      kernel_work(reinterpret_cast<Function*>(f), {gx, gy, gz}, {bx, by, bz}, shared, params));
  return 0;
}
FAKE cuStreamCreate(CuStream* out, unsigned) {
  Lock lock(mutex());
  auto* stream = new Stream;
  streams().push_back(stream);
  *out = reinterpret_cast<CuStream>(stream);
  return 0;
}
FAKE cuStreamDestroy_v2(CuStream s) {
  Lock lock(mutex());
  drain(*of(s));
  std::erase(streams(), of(s));
  return 0;
}
FAKE cuStreamSynchronize(CuStream s) {
  Lock lock(mutex());
  if (CuResult error = failure_of("stream_synchronize")) return error;
  drain(*of(s));
  return 0;
}
FAKE cuStreamWaitEvent(CuStream s, CuEvent e, unsigned) {
  Lock lock(mutex());
  Event* event = of(e);
  tally("stream_wait_event");
  of(s)->queue.push_back([event] { wait_event(*event); });
  return 0;
}
FAKE cuEventCreate(CuEvent* out, unsigned) {
  return *out = reinterpret_cast<CuEvent>(new Event), 0;
}
FAKE cuEventDestroy_v2(CuEvent) { return 0; }
FAKE cuEventRecord(CuEvent e, CuStream s) {
  Lock lock(mutex());
  if (CuResult error = failure_of("event_record")) return error;
  Event* event = of(e);
  tally("event_record");
  if (is_dry()) return 0;
  event->stream = of(s);
  event->pending = true;
  of(s)->queue.push_back([event] { event->pending = false; });
  return 0;
}
FAKE cuEventSynchronize(CuEvent e) {
  Lock lock(mutex());
  if (CuResult error = failure_of("event_synchronize")) return error;
  wait_event(*of(e));
  return 0;
}
FAKE cuEventQuery(CuEvent e) {
  Lock lock(mutex());
  if (CuResult error = failure_of("event_query")) return error;
  Event* event = of(e);
  // A little progress at each look, so that polling ends.
  if (event->pending && !event->stream->queue.empty()) run_one(*event->stream);
  return event->pending ? kCudaErrorNotReady : 0;
}
FAKE cuEventElapsedTime(float* ms, CuEvent, CuEvent) { return *ms = 1.0f, 0; }
FAKE cuGraphCreate(CuGraph* out, unsigned) {
  return *out = reinterpret_cast<CuGraph>(new Graph), 0;
}
FAKE cuGraphDestroy(CuGraph) { return 0; }
FAKE cuGraphAddKernelNode_v2(CuGraphNode* out, CuGraph g, const CuGraphNode* deps, size_t count,
                             const CuKernelNodeParams* p) {
  Lock lock(mutex());
  return add_node(out, g, deps, count, kernel_work(*p));
}
FAKE cuGraphAddMemcpyNode(CuGraphNode* out, CuGraph g, const CuGraphNode* deps, size_t count,
                          const CuMemcpy3D* p, CuContext) {
  Lock lock(mutex());
  return add_node(out, g, deps, count, copy_work(*p));
}
FAKE cuGraphAddMemsetNode(CuGraphNode* out, CuGraph g, const CuGraphNode* deps, size_t count,
                          const CuMemsetNodeParams* p, CuContext) {
  Lock lock(mutex());
  return add_node(out, g, deps, count, fill_work(*p));
}
FAKE cuGraphAddDependencies_v2(CuGraph, const CuGraphNode* from, const CuGraphNode* to,
                               const CuGraphEdgeData*, size_t number) {
  Lock lock(mutex());
  for (size_t i = 0; i < number; ++i)
    reinterpret_cast<Node*>(to[i])->deps.push_back(reinterpret_cast<Node*>(from[i])->index);
  return 0;
}
FAKE cuGraphInstantiateWithFlags(CuGraphExec* out, CuGraph g, unsigned long long) {
  Lock lock(mutex());
  if (CuResult error = failure_of("graph_instantiate")) return error;
  tally("graph_instantiate");
  auto* exec = new Exec;
  exec->nodes = reinterpret_cast<Graph*>(g)->nodes;
  for (Node* node : exec->nodes) exec->runs[node] = node->run;
  *out = reinterpret_cast<CuGraphExec>(exec);
  return 0;
}
FAKE cuGraphExecKernelNodeSetParams_v2(CuGraphExec e, CuGraphNode n, const CuKernelNodeParams* p) {
  Lock lock(mutex());
  tally("graph_set_params");
  reinterpret_cast<Exec*>(e)->runs[reinterpret_cast<Node*>(n)] = kernel_work(*p);
  return 0;
}
FAKE cuGraphExecMemcpyNodeSetParams(CuGraphExec e, CuGraphNode n, const CuMemcpy3D* p, CuContext) {
  Lock lock(mutex());
  tally("graph_set_params");
  reinterpret_cast<Exec*>(e)->runs[reinterpret_cast<Node*>(n)] = copy_work(*p);
  return 0;
}
FAKE cuGraphExecMemsetNodeSetParams(CuGraphExec e, CuGraphNode n, const CuMemsetNodeParams* p,
                                    CuContext) {
  Lock lock(mutex());
  tally("graph_set_params");
  reinterpret_cast<Exec*>(e)->runs[reinterpret_cast<Node*>(n)] = fill_work(*p);
  return 0;
}
FAKE cuGraphExecDestroy(CuGraphExec) { return 0; }
FAKE cuGraphLaunch(CuGraphExec e, CuStream s) {
  Lock lock(mutex());
  if (CuResult error = failure_of("graph_launch")) return error;
  auto* exec = reinterpret_cast<Exec*>(e);
  tally("graph_launch");
  tally("graph_launch nodes", exec->nodes.size());
  if (is_dry()) return 0;
  std::vector<std::function<void()>> runs;  // as they are now: a later update must not reach back
  for (Node* node : exec->nodes) runs.push_back(exec->runs[node]);
  of(s)->queue.push_back([exec, runs = std::move(runs)] { run_graph(*exec, runs); });
  return 0;
}

namespace {

/** As ptx_hopper.cuh of this folder reads it. */
struct EmulatedMap {
  const char* base;
  long long dims[4], strides[4];
  int box[4];
};

}  // namespace

FAKE cuTensorMapEncodeTiled(void* map, int dtype, unsigned rank, void* address,
                            const uint64_t* dims, const uint64_t* strides, const unsigned* box,
                            const unsigned*, int interleave, int swizzle, int, int) {
  bool known = (dtype == kMapFloat16 || dtype == kMapBfloat16) && rank == 4 && interleave == 0 &&
               swizzle == kMapSwizzle128 && reinterpret_cast<uint64_t>(map) % 64 == 0 &&
               reinterpret_cast<uint64_t>(address) % 16 == 0 && box[0] == 64;
  if (!known) return kInvalidValue;
  EmulatedMap emulated{};
  emulated.base = static_cast<const char*>(address);
  for (int d = 0; d < 4; ++d) {
    emulated.dims[d] = static_cast<long long>(dims[d]);
    emulated.strides[d] = d == 0 ? 2 : static_cast<long long>(strides[d - 1]);
    emulated.box[d] = static_cast<int>(box[d]);
    if (emulated.strides[d] % (d == 0 ? 2 : 16) != 0 || box[d] > 256 || dims[d] == 0)
      return kInvalidValue;
  }
  std::memcpy(map, &emulated, sizeof(emulated));
  return 0;
}
