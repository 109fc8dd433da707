# The shared library that the Python extension and programs in C++ use, and what `find_package(MLX)` finds:
# included by the top CMakeLists.txt. The tree under MLX_PACKAGE_DIR is that of the installed package `mlx`.
include(CMakePackageConfigHelpers)
set(MLX_PACKAGE_DIR ${CMAKE_BINARY_DIR}/python/mlx)

# The same objects as the static library, which the C++ tests take: they reach inside.
add_library(mlx_shared SHARED $<TARGET_OBJECTS:mlx>)
set_target_properties(mlx_shared PROPERTIES OUTPUT_NAME mlx LIBRARY_OUTPUT_DIRECTORY ${MLX_PACKAGE_DIR}/lib
                                            LINKER_LANGUAGE CXX)
target_include_directories(mlx_shared INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(
  mlx_shared PUBLIC Threads::Threads PRIVATE fmt::fmt ${MLX_HWY_CONTRIB_LIBRARY} ${MLX_HWY_LIBRARY}
                                             ${CMAKE_DL_LIBS})

file(STRINGS ${CMAKE_SOURCE_DIR}/include/mlx/version.h version_lines REGEX "define MLX_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX MATCHALL "[0-9]+" version_numbers "${version_lines}")
string(REPLACE ";" "." MLX_API_VERSION "${version_numbers}")
configure_file(${CMAKE_SOURCE_DIR}/src/MLXConfig.cmake.in ${MLX_PACKAGE_DIR}/share/cmake/MLX/MLXConfig.cmake @ONLY)
write_basic_package_version_file(
  ${MLX_PACKAGE_DIR}/share/cmake/MLX/MLXConfigVersion.cmake VERSION ${MLX_API_VERSION} COMPATIBILITY SameMajorVersion)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/include ${MLX_PACKAGE_DIR}/include SYMBOLIC)

if(MLX_BUILD_PYTHON)
  install(TARGETS mlx_shared LIBRARY DESTINATION mlx/lib)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/mlx DESTINATION mlx/include)
  install(DIRECTORY ${MLX_PACKAGE_DIR}/share DESTINATION mlx)
endif()
