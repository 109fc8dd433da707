// Recorded GPU work as plain data, and the cache of CUDA graphs that replay recordings of equal
// topology.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "backend/cuda/driver_api.h"
#include "backend/cuda/jit.h"

namespace mlx::core::cuda {

struct Dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
  bool operator==(const Dim3&) const = default;
};

struct GraphNode {
  enum class Kind : uint8_t { kernel, copy, fill, call };

  Kind kind = Kind::kernel;
  unsigned char fill_value = 0;
  const Kernel* kernel = nullptr;
  CuFunction function = nullptr;  // the kernel's, once it is loaded: see resolve()
  Dim3 grid;
  Dim3 block;
  unsigned shared_bytes = 0;
  uint32_t args_offset = 0;  // into Recording::args; for calls: which one
  uint32_t args_size = 0;
  uint32_t deps_offset = 0;  // into Recording::deps
  uint32_t num_deps = 0;
  CuDevicePtr dst = 0;
  CuDevicePtr src = 0;
  size_t bytes = 0;
};

struct Recording {
  std::vector<GraphNode> nodes;
  std::vector<std::byte> args;
  std::vector<int> deps;  // node numbers

  void clear() {
    nodes.clear();
    args.clear();
    deps.clear();
  }
};

/** Waits until the kernels of all nodes are loaded. */
void resolve(Recording& recording);
/** Puts one node on a stream without a graph. */
void launch_node(const Recording& recording, const GraphNode& node, CuStream stream);

class GraphCache {
 public:
  explicit GraphCache(size_t capacity) : capacity_(capacity) {}
  ~GraphCache();
  GraphCache(const GraphCache&) = delete;
  GraphCache& operator=(const GraphCache&) = delete;

  /** Launches nodes [first, last) as one graph when the same topology was seen before, updating
   * what differs. Returns false at the first sight of a topology: instantiating pays off only when
   * it comes back. */
  bool launch(const Recording& recording, size_t first, size_t last, CuStream stream);

  size_t num_instantiated() const { return num_instantiated_; }
  size_t num_updates() const { return num_updates_; }

 private:
  struct Entry {
    uint64_t key;
    uint64_t check;
    int sightings = 0;
    CuGraph graph = nullptr;
    CuGraphExec exec = nullptr;
    std::vector<CuGraphNode> handles;
    Recording last;  // what the exec holds now
  };

  void build(Entry& entry, const Recording& recording, size_t first, size_t last);
  void update(Entry& entry, const Recording& recording, size_t first);
  static void destroy(Entry& entry);

  size_t capacity_;
  std::list<Entry> entries_;  // most recent first
  std::unordered_map<uint64_t, std::list<Entry>::iterator> by_key_;
  size_t num_instantiated_ = 0;
  size_t num_updates_ = 0;
};

}  // namespace mlx::core::cuda
