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
