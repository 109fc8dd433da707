# Embeds the device code into the library: included by the top CMakeLists.txt.
file(GLOB MLX_CUDA_KERNEL_TEXTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/backend/cuda/kernels/*
     ${CMAKE_SOURCE_DIR}/include/mlx/formulas/*.h)
set(MLX_CUDA_EMBEDDED ${CMAKE_BINARY_DIR}/generated/cuda_kernel_files.cpp)
add_custom_command(
  OUTPUT ${MLX_CUDA_EMBEDDED}
  COMMAND
    ${CMAKE_COMMAND} -DOUTPUT=${MLX_CUDA_EMBEDDED} -DKERNELS=${CMAKE_SOURCE_DIR}/src/backend/cuda/kernels
    -DFORMULAS=${CMAKE_SOURCE_DIR}/include/mlx/formulas -P ${CMAKE_SOURCE_DIR}/src/backend/cuda/embed_kernels.cmake
  DEPENDS ${MLX_CUDA_KERNEL_TEXTS} ${CMAKE_SOURCE_DIR}/src/backend/cuda/embed_kernels.cmake
  COMMENT "Embedding GPU kernels")
target_sources(mlx PRIVATE ${MLX_CUDA_EMBEDDED})

# The program that compiles common kernels ahead of time, and the archive it makes beside the Python extension.
# It needs NVRTC, no GPU; without NVRTC there is no archive and kernels are compiled when they are first used.
add_executable(cuda_archive EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tools/cuda_archive.cpp)
target_include_directories(cuda_archive PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(cuda_archive PRIVATE mlx)
set(MLX_CUDA_ARCHIVE AUTO
    CACHE STRING "Architectures of the archive of GPU kernels: AUTO (this machine's GPU), OFF, or a list: sm_80;sm_90a")
set(MLX_CUDA_ARCHS ${MLX_CUDA_ARCHIVE})
if(MLX_CUDA_ARCHIVE STREQUAL AUTO)
  set(MLX_CUDA_ARCHS)
  find_program(MLX_NVIDIA_SMI nvidia-smi)
  if(MLX_NVIDIA_SMI)
    execute_process(COMMAND ${MLX_NVIDIA_SMI} --query-gpu=compute_cap --format=csv,noheader
                    OUTPUT_VARIABLE MLX_CUDA_ARCHS ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(REGEX MATCHALL "[0-9]+\\.[0-9]+" MLX_CUDA_ARCHS "${MLX_CUDA_ARCHS}")
    list(TRANSFORM MLX_CUDA_ARCHS REPLACE "([0-9]+)\\.([0-9]+)" "sm_\\1\\2")
    list(TRANSFORM MLX_CUDA_ARCHS REPLACE "^sm_90$" "sm_90a")
    list(REMOVE_DUPLICATES MLX_CUDA_ARCHS)
  endif()
endif()
set(MLX_CUDA_ARCHIVE_DIR ${CMAKE_BINARY_DIR}/python/mlx/cuda_archive)
if(MLX_CUDA_ARCHS)
  add_custom_command(
    OUTPUT ${CMAKE_BINARY_DIR}/cuda_archive.stamp
    COMMAND cuda_archive ${MLX_CUDA_ARCHIVE_DIR} ${MLX_CUDA_ARCHS} --if-possible --texts
            ${CMAKE_SOURCE_DIR}/data/gpu_kernels.txt
    COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/cuda_archive.stamp
    DEPENDS cuda_archive ${CMAKE_SOURCE_DIR}/data/gpu_kernels.txt
    COMMENT "Compiling common GPU kernels for ${MLX_CUDA_ARCHS}")
  add_custom_target(cuda_archive_files ALL DEPENDS ${CMAKE_BINARY_DIR}/cuda_archive.stamp)
  install(DIRECTORY ${MLX_CUDA_ARCHIVE_DIR} DESTINATION mlx OPTIONAL FILES_MATCHING PATTERN "*.cubin")
else()
  add_custom_target(cuda_archive_files)
endif()
