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

# The program that compiles common kernels ahead of time; on demand, as it needs NVRTC and a minute.
add_executable(cuda_archive EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tools/cuda_archive.cpp)
target_include_directories(cuda_archive PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(cuda_archive PRIVATE mlx)
