// Our declarations of CUDA's types and constants against the toolkit's headers, where those are
// installed.
#include <gtest/gtest.h>

#include "backend/cuda/driver_api.h"

#if __has_include(<cuda.h>) && __has_include(<cublasLt.h>)
#include <cublasLt.h>
#include <cuda.h>

#include <cstddef>

namespace mlx::core::cuda {

#define SAME_FIELD(ours, our_field, theirs, their_field) \
  static_assert(offsetof(ours, our_field) == offsetof(theirs, their_field))

static_assert(sizeof(CuKernelNodeParams) == sizeof(CUDA_KERNEL_NODE_PARAMS_v2));
SAME_FIELD(CuKernelNodeParams, shared_bytes, CUDA_KERNEL_NODE_PARAMS_v2, sharedMemBytes);
SAME_FIELD(CuKernelNodeParams, params, CUDA_KERNEL_NODE_PARAMS_v2, kernelParams);
SAME_FIELD(CuKernelNodeParams, context, CUDA_KERNEL_NODE_PARAMS_v2, ctx);
static_assert(sizeof(CuMemcpy3D) == sizeof(CUDA_MEMCPY3D_v2));
SAME_FIELD(CuMemcpy3D, src_type, CUDA_MEMCPY3D_v2, srcMemoryType);
SAME_FIELD(CuMemcpy3D, src_device, CUDA_MEMCPY3D_v2, srcDevice);
SAME_FIELD(CuMemcpy3D, dst_type, CUDA_MEMCPY3D_v2, dstMemoryType);
SAME_FIELD(CuMemcpy3D, dst_device, CUDA_MEMCPY3D_v2, dstDevice);
SAME_FIELD(CuMemcpy3D, width_bytes, CUDA_MEMCPY3D_v2, WidthInBytes);
static_assert(sizeof(CuMemsetNodeParams) == sizeof(CUDA_MEMSET_NODE_PARAMS_v1));
SAME_FIELD(CuMemsetNodeParams, element_size, CUDA_MEMSET_NODE_PARAMS_v1, elementSize);
SAME_FIELD(CuMemsetNodeParams, width, CUDA_MEMSET_NODE_PARAMS_v1, width);
static_assert(sizeof(CuDevicePtr) == sizeof(CUdeviceptr) && sizeof(CuDevice) == sizeof(CUdevice));
static_assert(sizeof(CuGraphEdgeData) == sizeof(CUgraphEdgeData));
SAME_FIELD(CuGraphEdgeData, from_port, CUgraphEdgeData, from_port);
SAME_FIELD(CuGraphEdgeData, type, CUgraphEdgeData, type);
static_assert(kProgrammaticEdge.from_port == CU_GRAPH_KERNEL_NODE_PORT_PROGRAMMATIC);
static_assert(kProgrammaticEdge.type == CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC);
static_assert(kCudaErrorOutOfMemory == CUDA_ERROR_OUT_OF_MEMORY);
static_assert(kCudaErrorNotReady == CUDA_ERROR_NOT_READY);
static_assert(kAttributeMultiprocessorCount == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
static_assert(kAttributeL2CacheSize == CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
static_assert(kAttributeComputeMajor == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
static_assert(kAttributeComputeMinor == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
static_assert(kAttributeMaxSharedOptin == CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
static_assert(kFunctionMaxDynamicShared == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
static_assert(kMemoryHost == CU_MEMORYTYPE_HOST && kMemoryDevice == CU_MEMORYTYPE_DEVICE);
static_assert(kStreamNonBlocking == CU_STREAM_NON_BLOCKING);
static_assert(kEventDisableTiming == CU_EVENT_DISABLE_TIMING);
static_assert(kHostAllocPortable == CU_MEMHOSTALLOC_PORTABLE);

static_assert(sizeof(LtAlgo) == sizeof(cublasLtMatmulAlgo_t));
static_assert(sizeof(LtHeuristic) == sizeof(cublasLtMatmulHeuristicResult_t));
SAME_FIELD(LtHeuristic, workspace_bytes, cublasLtMatmulHeuristicResult_t, workspaceSize);
SAME_FIELD(LtHeuristic, state, cublasLtMatmulHeuristicResult_t, state);
static_assert(kLtR32F == CUDA_R_32F && kLtR64F == CUDA_R_64F && kLtR16F == CUDA_R_16F);
static_assert(kLtC32F == CUDA_C_32F && kLtR16BF == CUDA_R_16BF);
static_assert(kLtCompute32F == CUBLAS_COMPUTE_32F && kLtCompute64F == CUBLAS_COMPUTE_64F);
static_assert(kLtCompute32FFastTf32 == CUBLAS_COMPUTE_32F_FAST_TF32);
static_assert(kLtOpN == CUBLAS_OP_N && kLtOpT == CUBLAS_OP_T);
static_assert(kLtDescTransA == CUBLASLT_MATMUL_DESC_TRANSA);
static_assert(kLtDescTransB == CUBLASLT_MATMUL_DESC_TRANSB);
static_assert(kLtDescEpilogue == CUBLASLT_MATMUL_DESC_EPILOGUE);
static_assert(kLtDescBiasPointer == CUBLASLT_MATMUL_DESC_BIAS_POINTER);
static_assert(kLtEpilogueDefault == CUBLASLT_EPILOGUE_DEFAULT);
static_assert(kLtEpilogueBias == CUBLASLT_EPILOGUE_BIAS);
static_assert(kLtLayoutBatchCount == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
static_assert(kLtLayoutBatchStride == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
static_assert(kLtPrefMaxWorkspace == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
static_assert(kLtPrefReductionMask == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
static_assert(kLtPrefAlignmentA == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
static_assert(kLtPrefAlignmentA + 1 == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
static_assert(kLtPrefAlignmentA + 2 == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
static_assert(kLtPrefAlignmentA + 3 == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
static_assert(kLtReductionComputeType == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);

TEST(DriverApi, DeclarationsMatchTheToolkit) { SUCCEED(); }

}  // namespace mlx::core::cuda

#else

TEST(DriverApi, DeclarationsMatchTheToolkit) { GTEST_SKIP() << "no CUDA headers here"; }

#endif
