// The few types and functions of the CUDA driver, NVRTC and cuBLASLt that the backend calls,
// declared by us so that the build needs no CUDA toolkit; the libraries themselves are opened at
// run time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mlx::core::cuda {

using CuResult = int;
using CuDevice = int;
using CuDevicePtr = unsigned long long;
using CuContext = struct CuContextOpaque*;
using CuModule = struct CuModuleOpaque*;
using CuFunction = struct CuFunctionOpaque*;
using CuStream = struct CuStreamOpaque*;
using CuEvent = struct CuEventOpaque*;
using CuGraph = struct CuGraphOpaque*;
using CuGraphNode = struct CuGraphNodeOpaque*;
using CuGraphExec = struct CuGraphExecOpaque*;

inline constexpr CuResult kCudaSuccess = 0;
inline constexpr CuResult kCudaErrorOutOfMemory = 2;
inline constexpr CuResult kCudaErrorNotReady = 600;

// CUdevice_attribute
inline constexpr int kAttributeMultiprocessorCount = 16;
inline constexpr int kAttributeL2CacheSize = 38;
inline constexpr int kAttributeComputeMajor = 75;
inline constexpr int kAttributeComputeMinor = 76;
inline constexpr int kAttributeMaxSharedOptin = 97;
// CUfunction_attribute
inline constexpr int kFunctionMaxDynamicShared = 8;
// CUmemorytype
inline constexpr int kMemoryHost = 1;
inline constexpr int kMemoryDevice = 2;
// Flags of streams, events and pinned memory
inline constexpr unsigned kStreamNonBlocking = 1;
inline constexpr unsigned kEventDisableTiming = 2;
inline constexpr unsigned kHostAllocPortable = 1;

struct CuKernelNodeParams {  // CUDA_KERNEL_NODE_PARAMS_v2
  CuFunction function;
  unsigned grid_x, grid_y, grid_z;
  unsigned block_x, block_y, block_z;
  unsigned shared_bytes;
  void** params;
  void** extra;
  void* kernel;
  CuContext context;
};

struct CuMemcpy3D {  // CUDA_MEMCPY3D_v2
  size_t src_x_bytes, src_y, src_z, src_lod;
  int src_type;
  const void* src_host;
  CuDevicePtr src_device;
  void* src_array;
  void* reserved0;
  size_t src_pitch, src_height;
  size_t dst_x_bytes, dst_y, dst_z, dst_lod;
  int dst_type;
  void* dst_host;
  CuDevicePtr dst_device;
  void* dst_array;
  void* reserved1;
  size_t dst_pitch, dst_height;
  size_t width_bytes, height, depth;
};

struct CuMemsetNodeParams {  // CUDA_MEMSET_NODE_PARAMS
  CuDevicePtr dst;
  size_t pitch;
  unsigned value;
  unsigned element_size;
  size_t width, height;
};

struct CuGraphEdgeData {  // CUgraphEdgeData
  unsigned char from_port, to_port, type;
  unsigned char reserved[5];
};
// The later kernel starts when all blocks of the earlier one have let it, and waits itself.
inline constexpr CuGraphEdgeData kProgrammaticEdge{1, 0, 1, {}};

/** Entry points of libcuda; filled by `driver()`. */
struct DriverApi {
  CuResult (*init)(unsigned flags);
  CuResult (*get_error_name)(CuResult, const char**);
  CuResult (*get_error_string)(CuResult, const char**);
  CuResult (*driver_get_version)(int*);
  CuResult (*device_get_count)(int*);
  CuResult (*device_get)(CuDevice*, int ordinal);
  CuResult (*device_get_name)(char*, int length, CuDevice);
  CuResult (*device_get_attribute)(int*, int attribute, CuDevice);
  CuResult (*device_total_mem)(size_t*, CuDevice);
  CuResult (*primary_ctx_retain)(CuContext*, CuDevice);
  CuResult (*ctx_set_current)(CuContext);
  CuResult (*ctx_synchronize)();
  CuResult (*mem_get_info)(size_t* free, size_t* total);
  CuResult (*mem_alloc)(CuDevicePtr*, size_t);
  CuResult (*mem_free)(CuDevicePtr);
  CuResult (*mem_host_alloc)(void**, size_t, unsigned flags);
  CuResult (*mem_free_host)(void*);
  CuResult (*memcpy_htod_async)(CuDevicePtr, const void*, size_t, CuStream);
  CuResult (*memcpy_dtoh_async)(void*, CuDevicePtr, size_t, CuStream);
  CuResult (*memcpy_dtod_async)(CuDevicePtr, CuDevicePtr, size_t, CuStream);
  CuResult (*memset_d8_async)(CuDevicePtr, unsigned char, size_t, CuStream);
  CuResult (*module_load_data)(CuModule*, const void* image);
  CuResult (*module_unload)(CuModule);
  CuResult (*module_get_function)(CuFunction*, CuModule, const char* name);
  CuResult (*func_set_attribute)(CuFunction, int attribute, int value);
  CuResult (*launch_kernel)(CuFunction, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                            unsigned block_x, unsigned block_y, unsigned block_z,
                            unsigned shared_bytes, CuStream, void** params, void** extra);
  CuResult (*stream_create)(CuStream*, unsigned flags);
  CuResult (*stream_destroy)(CuStream);
  CuResult (*stream_synchronize)(CuStream);
  CuResult (*stream_wait_event)(CuStream, CuEvent, unsigned flags);
  CuResult (*event_create)(CuEvent*, unsigned flags);
  CuResult (*event_destroy)(CuEvent);
  CuResult (*event_record)(CuEvent, CuStream);
  CuResult (*event_synchronize)(CuEvent);
  CuResult (*event_query)(CuEvent);
  CuResult (*event_elapsed_time)(float* ms, CuEvent start, CuEvent end);
  CuResult (*graph_create)(CuGraph*, unsigned flags);
  CuResult (*graph_destroy)(CuGraph);
  CuResult (*graph_add_kernel_node)(CuGraphNode*, CuGraph, const CuGraphNode* dependencies,
                                    size_t count, const CuKernelNodeParams*);
  CuResult (*graph_add_memcpy_node)(CuGraphNode*, CuGraph, const CuGraphNode* dependencies,
                                    size_t count, const CuMemcpy3D*, CuContext);
  CuResult (*graph_add_memset_node)(CuGraphNode*, CuGraph, const CuGraphNode* dependencies,
                                    size_t count, const CuMemsetNodeParams*, CuContext);
  CuResult (*graph_add_dependencies)(CuGraph, const CuGraphNode* from, const CuGraphNode* to,
                                     const CuGraphEdgeData*, size_t count);
  CuResult (*graph_instantiate)(CuGraphExec*, CuGraph, unsigned long long flags);
  CuResult (*graph_exec_kernel_node_set_params)(CuGraphExec, CuGraphNode,
                                                const CuKernelNodeParams*);
  CuResult (*graph_exec_memcpy_node_set_params)(CuGraphExec, CuGraphNode, const CuMemcpy3D*,
                                                CuContext);
  CuResult (*graph_exec_memset_node_set_params)(CuGraphExec, CuGraphNode, const CuMemsetNodeParams*,
                                                CuContext);
  CuResult (*graph_exec_destroy)(CuGraphExec);
  CuResult (*graph_launch)(CuGraphExec, CuStream);
  CuResult (*tensor_map_encode_tiled)(void* map, int dtype, unsigned rank, void* address,
                                      const uint64_t* dims, const uint64_t* strides,
                                      const unsigned* box, const unsigned* element_strides,
                                      int interleave, int swizzle, int l2_promotion, int fill);
};

// Of cuTensorMapEncodeTiled
inline constexpr int kMapFloat16 = 6, kMapBfloat16 = 9, kMapSwizzle128 = 3, kMapPromote256 = 3;

using NvrtcResult = int;
using NvrtcProgram = struct NvrtcProgramOpaque*;

/** Entry points of NVRTC; filled by `nvrtc()`. */
struct NvrtcApi {
  const char* (*get_error_string)(NvrtcResult);
  NvrtcResult (*version)(int* major, int* minor);
  NvrtcResult (*create_program)(NvrtcProgram*, const char* source, const char* name,
                                int num_headers, const char* const* headers,
                                const char* const* include_names);
  NvrtcResult (*destroy_program)(NvrtcProgram*);
  NvrtcResult (*compile_program)(NvrtcProgram, int num_options, const char* const* options);
  NvrtcResult (*get_cubin_size)(NvrtcProgram, size_t*);
  NvrtcResult (*get_cubin)(NvrtcProgram, char*);
  NvrtcResult (*get_log_size)(NvrtcProgram, size_t*);
  NvrtcResult (*get_log)(NvrtcProgram, char*);
};

using LtStatus = int;
using LtHandle = struct LtHandleOpaque*;
using LtMatmulDesc = struct LtMatmulDescOpaque*;
using LtLayout = struct LtLayoutOpaque*;
using LtPreference = struct LtPreferenceOpaque*;

struct LtAlgo {  // cublasLtMatmulAlgo_t
  uint64_t data[8];
};

struct LtHeuristic {  // cublasLtMatmulHeuristicResult_t
  LtAlgo algo;
  size_t workspace_bytes;
  LtStatus state;
  float waves;
  int reserved[4];
};

// cudaDataType, cublasComputeType_t and attribute names of cuBLASLt
inline constexpr int kLtR32F = 0, kLtR64F = 1, kLtR16F = 2, kLtC32F = 4, kLtR16BF = 14;
inline constexpr int kLtCompute32F = 68, kLtCompute64F = 70, kLtCompute32FFastTf32 = 77;
inline constexpr int kLtOpN = 0, kLtOpT = 1;
inline constexpr int kLtDescTransA = 3, kLtDescTransB = 4, kLtDescEpilogue = 7,
                     kLtDescBiasPointer = 8;
inline constexpr int kLtEpilogueDefault = 1, kLtEpilogueBias = 4;
inline constexpr int kLtLayoutBatchCount = 5, kLtLayoutBatchStride = 6;
inline constexpr int kLtPrefMaxWorkspace = 1, kLtPrefReductionMask = 3, kLtPrefAlignmentA = 5;
inline constexpr uint32_t kLtReductionComputeType = 2;

/** Entry points of cuBLASLt; filled by `cublaslt()`. */
struct CublasLtApi {
  LtStatus (*create)(LtHandle*);
  const char* (*get_status_string)(LtStatus);
  size_t (*get_version)();
  LtStatus (*matmul)(LtHandle, LtMatmulDesc, const void* alpha, const void* a, LtLayout,
                     const void* b, LtLayout, const void* beta, const void* c, LtLayout, void* d,
                     LtLayout, const LtAlgo*, void* workspace, size_t workspace_bytes, CuStream);
  LtStatus (*desc_create)(LtMatmulDesc*, int compute_type, int scale_type);
  LtStatus (*desc_destroy)(LtMatmulDesc);
  LtStatus (*desc_set)(LtMatmulDesc, int attribute, const void*, size_t);
  LtStatus (*layout_create)(LtLayout*, int type, uint64_t rows, uint64_t cols, int64_t ld);
  LtStatus (*layout_destroy)(LtLayout);
  LtStatus (*layout_set)(LtLayout, int attribute, const void*, size_t);
  LtStatus (*preference_create)(LtPreference*);
  LtStatus (*preference_destroy)(LtPreference);
  LtStatus (*preference_set)(LtPreference, int attribute, const void*, size_t);
  LtStatus (*get_heuristic)(LtHandle, LtMatmulDesc, LtLayout, LtLayout, LtLayout, LtLayout,
                            LtPreference, int requested, LtHeuristic*, int* returned);
};

}  // namespace mlx::core::cuda
