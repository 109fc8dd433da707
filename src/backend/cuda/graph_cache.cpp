// Builds, updates and evicts the CUDA graphs of recorded work.
#include "backend/cuda/graph_cache.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "backend/cuda/device.h"
#include "backend/cuda/library.h"
#include "base/environment.h"
#include "base/errors.h"

namespace mlx::core::cuda {

namespace {

CuKernelNodeParams kernel_params(const GraphNode& node, void** params) {
  return {node.function, node.grid.x,       node.grid.y, node.grid.z, node.block.x, node.block.y,
          node.block.z,  node.shared_bytes, params,      nullptr,     nullptr,      nullptr};
}

CuMemcpy3D copy_params(const GraphNode& node) {
  CuMemcpy3D params{};
  params.src_type = kMemoryDevice;
  params.src_device = node.src;
  params.dst_type = kMemoryDevice;
  params.dst_device = node.dst;
  params.src_pitch = params.dst_pitch = node.bytes;
  params.src_height = params.dst_height = 1;
  params.width_bytes = node.bytes;
  params.height = 1;
  params.depth = 1;
  return params;
}

CuMemsetNodeParams fill_params(const GraphNode& node) {
  return {node.dst, node.bytes, node.fill_value, 1, node.bytes, 1};
}

void* args_of(const Recording& recording, const GraphNode& node) {
  return const_cast<std::byte*>(recording.args.data()) + node.args_offset;
}

/** What CUDA allows to change in an instantiated graph is not part of the topology. */
void hash_topology(const Recording& recording, size_t first, size_t last, uint64_t& key,
                   uint64_t& check) {
  key = 0x9e3779b97f4a7c15ull;
  check = 0xc2b2ae3d27d4eb4full;
  auto mix = [&](uint64_t value) {
    key = (key ^ value) * 0xff51afd7ed558ccdull;
    key ^= key >> 32;
    check = (check + value) * 0xc4ceb9fe1a85ec53ull;
    check ^= check >> 29;
  };
  for (size_t i = first; i < last; ++i) {
    const GraphNode& node = recording.nodes[i];
    mix(static_cast<uint64_t>(node.kind));
    mix(reinterpret_cast<uint64_t>(node.function));
    mix(node.num_deps);
    for (uint32_t d = 0; d < node.num_deps; ++d) {
      mix(static_cast<uint64_t>(recording.deps[node.deps_offset + d]) - first);
    }
  }
}

/** Which edges of a graph are programmatic on Hopper and later (MLX_CUDA_DEPENDENT_LAUNCH): 0 none,
 * 1 those of kernels that wait for one kernel only, 2 all between kernels. */
int dependent_launch() {
  static const int mode = [] {
    if (gpu_device().major < 9) return 0;
    return static_cast<int>(environment_int("MLX_CUDA_DEPENDENT_LAUNCH").value_or(1));
  }();
  return mode;
}

/** The dependencies of nodes [first, last) without those that follow from others, as numbers from
 * `first`. */
std::vector<std::vector<uint32_t>> reduced_deps(const Recording& recording, size_t first,
                                                size_t last) {
  const size_t count = last - first;
  const size_t words = (count + 63) / 64;
  std::vector<uint64_t> ancestors(count * words, 0);
  std::vector<std::vector<uint32_t>> deps(count);
  for (size_t i = 0; i < count; ++i) {
    const GraphNode& node = recording.nodes[first + i];
    std::vector<uint32_t> all;
    for (uint32_t d = 0; d < node.num_deps; ++d) {
      auto dep = static_cast<size_t>(recording.deps[node.deps_offset + d]);
      if (dep >= first) all.push_back(static_cast<uint32_t>(dep - first));
    }
    std::sort(all.begin(), all.end(), std::greater<>());  // a later node may imply an earlier one
    uint64_t* mine = &ancestors[i * words];
    for (uint32_t dep : all) {
      if ((mine[dep / 64] >> (dep % 64) & 1) != 0) continue;
      deps[i].push_back(dep);
      mine[dep / 64] |= uint64_t{1} << (dep % 64);
      for (size_t w = 0; w < words; ++w) mine[w] |= ancestors[dep * words + w];
    }
  }
  return deps;
}

}  // namespace

void resolve(Recording& recording) {
  for (GraphNode& node : recording.nodes) {
    if (node.kind == GraphNode::Kind::kernel)
      node.function = node.kernel->function(node.shared_bytes);
  }
}

void launch_node(const Recording& recording, const GraphNode& node, CuStream stream) {
  switch (node.kind) {
    case GraphNode::Kind::kernel: {
      void* params[] = {args_of(recording, node)};
      check(driver().launch_kernel(node.function, node.grid.x, node.grid.y, node.grid.z,
                                   node.block.x, node.block.y, node.block.z, node.shared_bytes,
                                   stream, params, nullptr),
            node.kernel->name().c_str());
      return;
    }
    case GraphNode::Kind::copy:
      check(driver().memcpy_dtod_async(node.dst, node.src, node.bytes, stream),
            "a copy on the GPU");
      return;
    case GraphNode::Kind::fill:
      check(driver().memset_d8_async(node.dst, node.fill_value, node.bytes, stream),
            "a fill on the GPU");
      return;
    case GraphNode::Kind::call:
      throw_internal("a library call cannot be launched as a node");
  }
}

GraphCache::~GraphCache() {
  for (auto& entry : entries_) destroy(entry);
}

void GraphCache::destroy(Entry& entry) {
  if (entry.exec != nullptr) driver().graph_exec_destroy(entry.exec);
  if (entry.graph != nullptr) driver().graph_destroy(entry.graph);
  entry.exec = nullptr;
  entry.graph = nullptr;
  entry.handles.clear();
  entry.last.clear();
}

bool GraphCache::launch(const Recording& recording, size_t first, size_t last, CuStream stream) {
  uint64_t key;
  uint64_t check_value;
  hash_topology(recording, first, last, key, check_value);
  auto found = by_key_.find(key);
  if (found == by_key_.end() || found->second->check != check_value) {
    if (found != by_key_.end()) {
      destroy(*found->second);
      entries_.erase(found->second);
    }
    entries_.push_front(Entry{.key = key, .check = check_value});
    by_key_[key] = entries_.begin();
    if (entries_.size() > capacity_) {
      by_key_.erase(entries_.back().key);
      destroy(entries_.back());
      entries_.pop_back();
    }
  } else {
    entries_.splice(entries_.begin(), entries_, found->second);
  }
  Entry& entry = entries_.front();
  if (++entry.sightings == 1) return false;
  if (entry.exec == nullptr) {
    build(entry, recording, first, last);
  } else {
    update(entry, recording, first);
  }
  check(driver().graph_launch(entry.exec, stream), "launching a graph");
  return true;
}

void GraphCache::build(Entry& entry, const Recording& recording, size_t first, size_t last) {
  const DriverApi& api = driver();
  destroy(entry);  // what an earlier attempt that failed has left
  check(api.graph_create(&entry.graph, 0), "creating a graph");
  auto edges = reduced_deps(recording, first, last);
  std::vector<CuGraphNode> deps;
  for (size_t i = first; i < last; ++i) {
    GraphNode node = recording.nodes[i];
    const auto& needed = edges[i - first];
    auto is_kernel = [&](uint32_t at) {
      return recording.nodes[first + at].kind == GraphNode::Kind::kernel;
    };
    bool early = node.kind == GraphNode::Kind::kernel && !needed.empty() &&
                 (dependent_launch() == 2 || (dependent_launch() == 1 && needed.size() == 1)) &&
                 std::all_of(needed.begin(), needed.end(), is_kernel);
    deps.clear();
    for (uint32_t dep : needed) deps.push_back(entry.handles[dep]);
    if (early) deps.clear();
    CuGraphNode handle = nullptr;
    if (node.kind == GraphNode::Kind::kernel) {
      void* params[] = {args_of(recording, node)};
      CuKernelNodeParams kernel = kernel_params(node, params);
      check(api.graph_add_kernel_node(&handle, entry.graph, deps.data(), deps.size(), &kernel),
            node.kernel->name().c_str());
    } else if (node.kind == GraphNode::Kind::copy) {
      CuMemcpy3D copy = copy_params(node);
      check(api.graph_add_memcpy_node(&handle, entry.graph, deps.data(), deps.size(), &copy,
                                      gpu_device().context),
            "adding a copy to a graph");
    } else {
      CuMemsetNodeParams fill = fill_params(node);
      check(api.graph_add_memset_node(&handle, entry.graph, deps.data(), deps.size(), &fill,
                                      gpu_device().context),
            "adding a fill to a graph");
    }
    for (size_t d = 0; early && d < needed.size(); ++d) {
      check(api.graph_add_dependencies(entry.graph, &entry.handles[needed[d]], &handle,
                                       &kProgrammaticEdge, 1),
            "connecting kernels in a graph");
    }
    entry.handles.push_back(handle);
    auto offset = static_cast<uint32_t>(entry.last.args.size());
    const auto* args = static_cast<const std::byte*>(args_of(recording, node));
    if (node.args_size > 0)
      entry.last.args.insert(entry.last.args.end(), args, args + node.args_size);
    entry.last.args.resize((entry.last.args.size() + 15) & ~size_t{15});
    node.args_offset = offset;
    entry.last.nodes.push_back(node);
  }
  check(api.graph_instantiate(&entry.exec, entry.graph, 0), "instantiating a graph");
  ++num_instantiated_;
}

void GraphCache::update(Entry& entry, const Recording& recording, size_t first) {
  const DriverApi& api = driver();
  for (size_t i = 0; i < entry.handles.size(); ++i) {
    const GraphNode& now = recording.nodes[first + i];
    GraphNode& old = entry.last.nodes[i];
    if (now.kind == GraphNode::Kind::kernel) {
      void* new_args = args_of(recording, now);
      void* old_args = args_of(entry.last, old);
      bool same = now.grid == old.grid && now.block == old.block &&
                  now.shared_bytes == old.shared_bytes &&
                  std::memcmp(new_args, old_args, now.args_size) == 0;
      if (same) continue;
      void* params[] = {new_args};
      CuKernelNodeParams kernel = kernel_params(now, params);
      check(api.graph_exec_kernel_node_set_params(entry.exec, entry.handles[i], &kernel),
            now.kernel->name().c_str());
      std::memcpy(old_args, new_args, now.args_size);
      old.grid = now.grid;
      old.block = now.block;
      old.shared_bytes = now.shared_bytes;
    } else {
      bool same = now.dst == old.dst && now.src == old.src && now.bytes == old.bytes &&
                  now.fill_value == old.fill_value;
      if (same) continue;
      if (now.kind == GraphNode::Kind::copy) {
        CuMemcpy3D copy = copy_params(now);
        check(api.graph_exec_memcpy_node_set_params(entry.exec, entry.handles[i], &copy,
                                                    gpu_device().context),
              "updating a copy in a graph");
      } else {
        CuMemsetNodeParams fill = fill_params(now);
        check(api.graph_exec_memset_node_set_params(entry.exec, entry.handles[i], &fill,
                                                    gpu_device().context),
              "updating a fill in a graph");
      }
      old.dst = now.dst;
      old.src = now.src;
      old.bytes = now.bytes;
      old.fill_value = now.fill_value;
    }
    ++num_updates_;
  }
}

}  // namespace mlx::core::cuda
